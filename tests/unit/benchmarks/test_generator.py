"""The load generator counts every delivery and fails for every server that violates an invariant."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest

from benchmarks.failure import Failure
from benchmarks.generator.build import NoCompiler, built
from benchmarks.generator.driver import Field, Generator, generator
from benchmarks.server import UPDATE_BYTES, padded
from tests.support.ports import HOST

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="the load generator needs a C compiler")

ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
UPDATES, WATCHERS = 20, 3
type Deliveries = list[tuple[int, bytes]]  # What a watcher is sent: the seq and the update of each.
type Defect = Callable[[Deliveries], Deliveries]


class Served(Protocol):
    """A websocket server that a test serves."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...

    async def close(self) -> None: ...


class Relay:
    """A websocket server that numbers and delivers what is published to it, altered by `defect`."""

    def __init__(self, defect: Defect, *, updates_per_frame: int = 1) -> None:
        self._defect, self._updates_per_frame = defect, updates_per_frame
        self._watchers: list[asyncio.StreamWriter] = []
        self._writers: list[asyncio.StreamWriter] = []
        self.subscribed = asyncio.Semaphore(0)  # Once for each watcher that has sent something.

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        request = await reader.readuntil(b"\r\n\r\n")
        if request.startswith(b"POST"):
            writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
            return
        writer.write(ACCEPTED)
        if b"/watch" in request:
            self._watchers.append(writer)
            with contextlib.suppress(asyncio.IncompleteReadError):  # Where it only watches.
                await self._message(reader)
                self.subscribed.release()
            return
        deliveries = [(seq, await self._message(reader)) for seq in range(1, UPDATES + 1)]
        deliveries = self._defect(deliveries)
        for begin in range(0, len(deliveries), self._updates_per_frame):
            lines = [b'{"seq":%d,"data":%b}' % each for each in deliveries[begin : begin + self._updates_per_frame]]
            for watcher in self._watchers:
                watcher.write(_frame(b"\n".join(lines)))

    async def close(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _message(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readexactly(2)
        size = head[1] & 127
        assert size < 126
        mask = await reader.readexactly(4)
        return bytes(byte ^ mask[at % 4] for at, byte in enumerate(await reader.readexactly(size)))


def _frame(payload: bytes) -> bytes:
    size = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2)
    return b"\x81" + size + payload


@asynccontextmanager
async def served(server: Served) -> AsyncIterator[Field]:
    """Serve on a free port, and yield the generator's field for it."""
    listening = await asyncio.start_server(server.serve, HOST, 0)
    try:
        yield ("port", listening.sockets[0].getsockname()[1])
    finally:
        listening.close()
        await server.close()


@asynccontextmanager
async def connected(relay: Relay, *watch: Field, kind: str = "websocket") -> AsyncIterator[Generator]:
    """A generator with watchers of the relay in group 0 and a publisher in group 1."""
    async with served(relay) as port, generator() as running:
        await running.command(
            "open", [port, ("count", WATCHERS), ("path", "/watch"), *watch, ("live", 1), ("timed", 1)]
        )
        await running.command("open", [port, ("group", 1), ("path", "/publish"), ("kind", kind)])
        yield running


async def load(running: Generator) -> dict[str, float]:
    item = '{"n":{n},"ts":{ts}}'
    fields: Iterable[Field] = [
        ("publishers", 1),
        ("item", item),
        ("max_updates", UPDATES),
        ("seconds", 5),
        ("drain", 0.5),
    ]
    return await running.command("load", fields)


@pytest.mark.parametrize("updates_per_frame", [1, 7])
async def test_every_delivery_is_counted_in_every_framing(updates_per_frame: int) -> None:
    async with connected(
        Relay(lambda deliveries: deliveries, updates_per_frame=updates_per_frame), ("seqs", 1), ("deflate", 1)
    ) as running:
        reply = await load(running)

    assert (reply["published"], reply["delivered"]) == (UPDATES, UPDATES * WATCHERS)
    assert 0 < reply["p50"] <= reply["p99"] <= reply["worst"]


@pytest.mark.parametrize(
    ("defect", "message"),
    [
        (lambda deliveries: deliveries[:4] + deliveries[5:], "lost"),
        (lambda deliveries: deliveries[:-1], "lost: 3 deliveries"),
        (lambda deliveries: deliveries[:5] + deliveries[4:], "repeated"),
        (lambda deliveries: [*deliveries[:4], deliveries[5], deliveries[4], *deliveries[6:]], "lost"),
        (lambda deliveries: [(seq + (seq > 4), update) for seq, update in deliveries], "gap"),
        (lambda deliveries: [*deliveries[:4], (5, b'{"n":1000000000099}'), *deliveries[5:]], "lost"),
    ],
    ids=["one is missing", "the last is missing", "one is repeated", "two are swapped", "seqs skip", "one is foreign"],
)
@pytest.mark.parametrize("updates_per_frame", [1, 7])
async def test_a_violated_invariant_is_a_failure(defect: Defect, message: str, updates_per_frame: int) -> None:
    async with connected(Relay(defect, updates_per_frame=updates_per_frame), ("seqs", 1)) as running:
        with pytest.raises(Failure, match=message):
            await load(running)


async def resume(relay: Relay, within: float = 10) -> dict[str, float]:
    """The reply for watchers that subscribe after seq 100 to what another generator publishes."""
    async with served(relay) as port, generator() as publisher, generator() as running:
        external = [port, ("count", WATCHERS), ("path", "/watch"), ("seqs", 1), ("external", 1)]
        await running.command("open", external)
        await publisher.command("open", [port, ("group", 1), ("path", "/publish")])
        resume: list[Field] = [("text", "{}"), ("after", 100), ("missed", UPDATES), ("within", within)]
        resumed = asyncio.ensure_future(running.command("send", resume))
        for _ in range(WATCHERS):
            await relay.subscribed.acquire()
        return (await asyncio.gather(resumed, load(publisher)))[0]


def after_100(deliveries: Deliveries) -> Deliveries:
    return [(100 + seq, update) for seq, update in deliveries]


async def test_what_another_generator_publishes_is_counted() -> None:
    reply = await resume(Relay(after_100))

    assert reply["received"] == UPDATES * WATCHERS


@pytest.mark.parametrize(
    ("defect", "message"),
    [
        (lambda deliveries: after_100(deliveries)[1:], "gap"),
        (lambda deliveries: [*after_100(deliveries)[:4], *after_100(deliveries)[5:]], "lost"),
        (lambda deliveries: after_100(deliveries)[:-1], "have not caught up"),
        (lambda deliveries: deliveries, "gap"),
    ],
    ids=["the first is missing", "one is missing", "the last is missing", "the seqs are others"],
)
async def test_an_invariant_violated_for_what_another_generator_publishes_is_a_failure(
    defect: Defect, message: str
) -> None:
    with pytest.raises(Failure, match=message):
        await resume(Relay(defect), within=0.5 if message == "have not caught up" else 10)


class Counter:
    """A websocket server that counts the frames of each connection."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._writers: list[asyncio.StreamWriter] = []
        self.received: list[int] = []
        self.all_received = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ACCEPTED)
        own = len(self.received)
        self.received.append(0)
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while size := (await reader.readexactly(2))[1] & 127:
                await reader.readexactly(4 + size)
                self.received[own] += 1
                if sum(self.received) == self._expected:
                    self.all_received.set()

    async def close(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def test_publishers_alternate_at_a_fixed_rate() -> None:
    counter = Counter(9)
    async with served(counter) as port, generator() as running:
        await running.command("open", [port, ("group", 1), ("count", 3)])
        await running.command(
            "load", [("publishers", 1), ("item", "{}"), ("max_updates", 9), ("seconds", 5), ("rate", 200)]
        )
        async with asyncio.timeout(5):
            await counter.all_received.wait()

    assert counter.received == [3, 3, 3]


async def test_an_update_at_a_watcher_of_an_idle_channel_is_a_failure() -> None:
    async with connected(Relay(lambda deliveries: deliveries), ("live", 0)) as running:
        with pytest.raises(Failure, match="idle channel"):
            await load(running)


async def test_a_rejected_publish_is_a_failure() -> None:
    async with connected(Relay(lambda deliveries: deliveries), kind="http") as running:
        with pytest.raises(Failure, match="was rejected: HTTP/1"):
            await load(running)


async def test_a_load_does_not_wait_for_a_slow_watcher() -> None:
    async with connected(Relay(lambda deliveries: deliveries), ("slow", 10)) as running:
        reply = await load(running)

    assert reply["delivered"] == 0


def test_without_a_compiler_the_message_names_the_package_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoCompiler, match="apt install gcc"):
        built()


def test_an_update_has_the_size_of_the_measure() -> None:
    item = padded('{"n":{n},"pad":"{pad}"}').replace("{n}", "1" * 13)

    assert len(item) == UPDATE_BYTES
