"""What the server itself refuses, before the hub is asked, is answered in the hub's form."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_asyncio import fixture

from tests.support.process import HubProcess, hub_process
from tests.support.raw_socket import RawSocket

END = b"\r\n\r\n"
UPGRADE = b"GET /api/v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
VERSION, KEY = b"Sec-WebSocket-Version: 13\r\n", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


@fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HubProcess]:
    async with hub_process(tmp_path_factory.mktemp("unparsed"), {}) as running:
        yield running


async def answer(hub: HubProcess, sent: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    """The status, the headers by their names in lower case, and the error."""
    async with RawSocket(hub.port) as raw:
        await raw.send(sent)
        line, *fields = (await raw.until(END)).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
        error = json.loads(await raw.until(b"}}"))["error"]
    return int(line.split()[1]), headers, error


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + END, 400),
        (b"hello" + END, 400),
        (b"GET / HTTP/1.1" + END, 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b" + END, 400),
        (b"GET / HTTP/1.1\r\nHost : a" + END, 400),
        (b"POST /lobby HTTP/1.1\r\nHost: a\r\nContent-Length: x" + END, 400),
        (b"POST /lobby HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2" + END, 400),
        (b"POST /lobby HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip" + END, 501),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000, 431),
    ],
    ids=lambda given: str(given)[:60],
)
async def test_a_request_that_can_not_be_parsed_has_an_error_and_an_id(
    hub: HubProcess, sent: bytes, status: int
) -> None:
    got, headers, error = await answer(hub, sent)

    assert (got, headers["connection"], headers["content-type"]) == (status, "close", "application/json")
    assert (error["code"], error["field"]) == ("invalid_request", None)
    assert error["request_id"] == headers["x-request-id"] and len(error["request_id"]) == 16
    assert error["message"].endswith(".") and headers["x-content-type-options"] == "nosniff"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("more", [KEY, VERSION, KEY + b"Sec-WebSocket-Version: 8\r\n", b""])
async def test_a_handshake_of_another_version_or_without_a_key_is_told_what_is_right(
    hub: HubProcess, more: bytes
) -> None:
    status, headers, error = await answer(hub, UPGRADE + more + b"\r\n")

    assert (status, headers["sec-websocket-version"], headers["upgrade"]) == (426, "13", "websocket")
    assert "version 13" in error["message"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("field", ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Sec-WebSocket-Key"])
async def test_a_handshake_of_other_bytes_than_ascii_is_no_handshake(hub: HubProcess, field: str) -> None:
    head = UPGRADE + VERSION + (KEY if field != "Sec-WebSocket-Key" else b"")
    status, _, _ = await answer(hub, head + field.encode() + b": \xff\r\n\r\n")

    assert status == 426
    assert "Traceback" not in hub.log


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("path", "status"), [("/no/x", b"404"), ("/lobby", b"400"), ("/", b"400"), ("/api/v1/ws?ticket=x", b"401")]
)
async def test_a_refused_handshake_ends_its_connection_whatever_follows(
    hub: HubProcess, path: str, status: bytes
) -> None:
    head = UPGRADE.replace(b"/api/v1/ws", path.encode()) + VERSION + KEY + b"\r\n"
    for more in (b"", b"x"):
        async with RawSocket(hub.port) as raw:
            await raw.send(head)
            assert b" " + status + b" " in await raw.until(END)
            await raw.send(more)
            await raw.rest(within=3)

    assert "Traceback" not in hub.log


@pytest.mark.asyncio(loop_scope="module")
async def test_who_sends_before_the_handshake_is_answered_is_refused_and_cut(hub: HubProcess) -> None:
    async with RawSocket(hub.port) as raw:
        await raw.send(UPGRADE + VERSION + KEY + b"\r\n\x81\x80\x00\x00\x00\x00")
        assert b" 400 " in await raw.until(END)
        await raw.rest(within=3)

    assert "Traceback" not in hub.log


@pytest.mark.asyncio(loop_scope="module")
async def test_a_client_that_ends_its_side_after_the_request_is_answered(hub: HubProcess) -> None:
    publish = b"POST /lobby HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\nhi"
    page, listed = (
        b"GET " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" for path in (b"/lobby", b"/api/v1/channels")
    )
    for sent, status in {publish: b"201", page: b"200", listed: b"200"}.items():
        for pause in (0, 0, 0, 0.001, 0.002, 0.004):  # The end comes with the request, or while it is answered.
            async with RawSocket(hub.port) as raw:
                await raw.send(sent)
                await asyncio.sleep(pause)
                raw.shut()
                assert b" " + status + b" " in await raw.until(END)
                await raw.rest(within=3)
