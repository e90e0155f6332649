"""The TCP connections of a hub's own process: each has an end, whatever its client does or leaves undone."""

import asyncio
import contextlib
import os
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from pytest_asyncio import fixture

from tests.faults.observed import until_metric
from tests.support.hub_ways import until
from tests.support.ports import HOST
from tests.support.process import HubProcess, hub_process
from tests.support.raw_socket import RawSocket

END = b"\r\n\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
MOST = 60  # Connections of one network.
FILES = 200


def descriptors(hub: HubProcess) -> int:
    """How many files the hub has open."""
    return len(os.listdir(f"/proc/{hub.pid}/fd"))


def cpu_seconds(hub: HubProcess) -> float:
    """The CPU time that the hub has taken."""
    fields = Path(f"/proc/{hub.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HubProcess]:
    settings = {"TIDEWIRE_SEND_TIMEOUT": "1", "TIDEWIRE_ADDRESS_CONNECTIONS": str(MOST)}
    async with hub_process(tmp_path_factory.mktemp("connection"), settings) as hub:
        yield hub


@pytest.mark.asyncio(loop_scope="module")
async def test_a_connection_that_its_client_closed_holds_no_descriptor(hub: HubProcess) -> None:
    await asyncio.sleep(0.2)  # The start's own connections are closed.
    before = descriptors(hub)
    publish = b"POST /lobby HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
    for sent in (b"", HEALTH, publish, HEALTH[:-5]):
        for _ in range(10):
            async with RawSocket(hub.port) as raw:
                await raw.send(sent)
                if sent.endswith((b"\r\n\r\n", b"hi")):
                    assert await raw.until(END)

    await until(lambda: descriptors(hub) <= before + 1, within=2)


@pytest.mark.asyncio(loop_scope="module")
async def test_an_answer_that_is_not_read_is_cut_off_also_after_the_client_has_closed_its_side(hub: HubProcess) -> None:
    async with aiohttp.ClientSession(hub.url) as session:
        for _ in range(60):
            updates = {"updates": [{"body": "x" * 30_000}] * 5}
            async with session.post("/api/v1/channels/lobby/updates", json=updates) as answer:
                assert answer.status == 201
    await asyncio.sleep(0.2)
    before = descriptors(hub)
    async with AsyncExitStack() as stack:
        for path in ("/api/v1/channels/lobby/updates?limit=1000", "/lobby/json?after=0"):
            raw = await stack.enter_async_context(RawSocket(hub.port, receive_buffer=16_384))
            await raw.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            await asyncio.sleep(0.3)
            raw.shut()

        await until(lambda: descriptors(hub) <= before, within=8)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("path", "status"), [("/api/v1/channels/-/updates", b"404"), ("/api/v1/tickets", b"401")])
async def test_who_sends_a_refused_body_to_its_end_reads_the_answer(path: str, status: bytes, hub: HubProcess) -> None:
    body = b" " * (8 * 1024 * 1024)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    async with RawSocket(hub.port) as raw:
        await raw.send(head.encode() + body)

        assert (await raw.until(END)).startswith(b"HTTP/1.1 " + status)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), b"200"),
        (b"POST /api/v1/nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\nhi", b"404"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n: no name\r\n\r\n", b"400"),
        (HEALTH.replace(b"1.1", b"1.0"), b"200"),
    ],
)
async def test_a_client_that_stays_after_the_last_answer_holds_no_descriptor(
    hub: HubProcess, sent: bytes, status: bytes
) -> None:
    await asyncio.sleep(0.2)
    before = descriptors(hub)
    async with AsyncExitStack() as stack:
        raws = [await stack.enter_async_context(RawSocket(hub.port)) for _ in range(5)]
        for raw in raws:
            await raw.send(sent)
            assert (await raw.rest(within=3)).split()[1] == status

        await until(lambda: descriptors(hub) <= before, within=4)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("path", ["/lobby/sse", "/lobby/json", "/api/v1/channels/lobby/stream"])
@pytest.mark.parametrize("more", [b"x", b"\r\n", HEALTH, HEALTH * 300])
async def test_a_stream_ends_with_its_client_whatever_came_after_its_request(
    hub: HubProcess, path: str, more: bytes
) -> None:
    stream = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    for leave in (RawSocket.shut, RawSocket.reset):
        async with AsyncExitStack() as stack:
            raws = [await stack.enter_async_context(RawSocket(hub.port)) for _ in range(5)]
            for raw in raws:
                await raw.send(stream + more)
                assert await raw.until(END)
            await until_metric(hub, "tidewire_watchers", 5, within=3)
            for raw in raws:
                leave(raw)

            await until_metric(hub, "tidewire_watchers", 0, within=5)


@pytest.mark.asyncio(loop_scope="module")
async def test_requests_in_one_packet_are_all_answered_although_their_client_has_ended_its_side(
    hub: HubProcess,
) -> None:
    publish = b"POST /lobby HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi"
    async with RawSocket(hub.port) as raw:
        await raw.send((publish + HEALTH) * 10)
        raw.shut()
        answers = await raw.rest(within=5)

    assert (answers.count(b"HTTP/1.1 201"), answers.count(b"HTTP/1.1 200")) == (10, 10)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("size", "status"), [(31_000, b"200"), (33_000, b"431"), (60_000, b"431"), (90_000, b"431"), (200_000, b"431")]
)
async def test_a_head_has_a_bound_however_it_arrives(hub: HubProcess, size: int, status: bytes) -> None:
    field = b"X: " + b"y" * size + b"\r\n"
    for sent in (HEALTH[:-2] + field + b"\r\n", HEALTH.replace(b"healthz", b"healthz?" + b"y" * size)):
        async with RawSocket(hub.port) as raw:
            await raw.send(sent)
            answer = await raw.until(END)

            assert answer.split()[1] == status


@pytest.mark.asyncio(loop_scope="module")
async def test_http_2_is_never_begun(hub: HubProcess) -> None:
    upgrade = b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    async with RawSocket(hub.port) as raw:
        await raw.send(HEALTH.replace(b"\r\n\r\n", b"\r\n" + upgrade + b"\r\n"))
        assert (await raw.until(END)).startswith(b"HTTP/1.1 200")
    for frames in (b"", b"\x00\x00\x00\x04\x00\x00\x00\x00\x00", b"\xff" * 40):
        async with RawSocket(hub.port) as raw:
            await raw.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frames)
            answer = await raw.rest(within=3)
            assert answer.startswith(b"HTTP/1.1 505") and b"HTTP/1.1; other versions belong to the proxy" in answer

    assert "Traceback" not in hub.log


@pytest.mark.asyncio(loop_scope="module")
async def test_one_network_holds_so_many_connections_and_no_more(hub: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        raws = [await stack.enter_async_context(RawSocket(hub.port)) for _ in range(MOST + 20)]
        open_ones = 0
        for raw in raws:
            with contextlib.suppress(ConnectionError, EOFError):
                await raw.send(HEALTH)
                open_ones += (await raw.until(END)).startswith(b"HTTP/1.1 200")

    assert MOST // 2 <= open_ones <= MOST  # Connections of the tests before may still be closing.
    await asyncio.sleep(0.2)
    async with RawSocket(hub.port) as raw:  # There is room again as soon as they have left.
        await raw.send(HEALTH)
        assert (await raw.until(END)).startswith(b"HTTP/1.1 200")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_network_that_opens_many_connections_waits_for_its_own_only(hub: HubProcess) -> None:
    async with AsyncExitStack() as stack:
        many = [await stack.enter_async_context(RawSocket(hub.port, source="127.0.0.2")) for _ in range(MOST)]
        for raw in many:
            await raw.send(HEALTH)
        answered: list[str] = []

        async def wait(name: str, raw: RawSocket) -> None:
            assert (await raw.until(END)).startswith(b"HTTP/1.1 200")
            answered.append(name)

        other = await stack.enter_async_context(RawSocket(hub.port, source="127.0.0.3"))
        await other.send(HEALTH)
        await asyncio.gather(*(wait("many", raw) for raw in many), wait("other", other))

    assert (len(answered), answered[-1]) == (MOST + 1, "many")
    assert "other" in answered[: MOST // 2 + 5]  # Twenty begin at once; the rest take 0.4 s.


@pytest.mark.asyncio(loop_scope="module")
async def test_a_network_that_is_refused_again_and_again_waits_for_its_own_refusals_only(hub: HubProcess) -> None:
    missing = b"HEAD /api/v1/nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    answered: list[str] = []

    async def ask(name: str, raw: RawSocket, times: int) -> None:
        for _ in range(times):
            await raw.send(missing)
            assert (await raw.until(END)).startswith(b"HTTP/1.1 404")
            answered.append(name)

    async with AsyncExitStack() as stack:
        many = [await stack.enter_async_context(RawSocket(hub.port, source="127.0.0.4")) for _ in range(10)]
        other = await stack.enter_async_context(RawSocket(hub.port, source="127.0.0.5"))
        await asyncio.gather(*(ask("many", raw, 5) for raw in many), ask("other", other, 5))

    assert (answered.count("many"), answered.count("other")) == (50, 5)
    assert "other" not in answered[-5:]  # Forty at once; the rest take half a second.


async def test_without_descriptors_those_inside_go_on_and_the_hub_is_back_at_once(tmp_path: Path) -> None:
    serve = f"ulimit -Sn {FILES} && ulimit -Hn {FILES} && exec {sys.executable} -m app serve --bind {{bind}}"
    async with hub_process(tmp_path, {}, program=["sh", "-c", serve]) as hub, RawSocket(hub.port) as inside:
        await inside.send(HEALTH)
        await inside.until(END)
        before = cpu_seconds(hub)
        async with AsyncExitStack() as stack:
            for _ in range(300):
                await stack.enter_async_context(RawSocket(hub.port))
            await asyncio.sleep(1)
            await inside.send(HEALTH)
            assert b"HTTP/1.1 200" in await inside.until(END)
            async with aiohttp.ClientSession(hub.url) as session:
                with pytest.raises(aiohttp.ClientError):
                    await session.get("/healthz")
        assert cpu_seconds(hub) - before < 0.7
        assert (len(hub.log) < 1000, descriptors(hub) < FILES) == (True, True), hub.log
        began = time.monotonic()
        await hub.ready(within=5)

    assert time.monotonic() - began < 2
    assert "connections were closed as soon as they came: this process may open 200 files" in hub.log


async def test_the_limit_of_open_files_is_raised_as_far_as_it_may(tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    serve = f"ulimit -Sn 256 && exec {sys.executable} -m app serve --bind {{bind}}"
    async with hub_process(tmp_path, {}, program=["sh", "-c", serve]) as hub:
        soft, _ = resource.prlimit(hub.pid, resource.RLIMIT_NOFILE)

    assert soft == min(hard, 2**20) or (hard == resource.RLIM_INFINITY and soft == 2**20)
