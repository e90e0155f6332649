"""The load generator counts what it should, and no server that breaks the law gets past it."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest

from benchmarks.contestant import UPDATE_BYTES, padded
from benchmarks.failure import Failure
from benchmarks.generator.build import NoCompiler, built
from benchmarks.generator.driver import Field, Generator, generator
from tests.support.ports import HOST

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="the load generator needs a C compiler")

ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
UPDATES, WATCHERS = 20, 3
type Told = list[tuple[int, bytes]]  # What a watcher is sent: each update's seq, and the update.
type Defect = Callable[[Told], Told]


class Served(Protocol):
    """A websocket server of a test's own."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...

    async def close(self) -> None: ...


class Relay:
    """A websocket server that numbers what is published to it and hands it on, as `defect` says."""

    def __init__(self, defect: Defect, *, a_frame: int = 1) -> None:
        self._defect, self._a_frame = defect, a_frame
        self._watchers: list[asyncio.StreamWriter] = []
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        request = await reader.readuntil(b"\r\n\r\n")
        if request.startswith(b"POST"):
            writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
            return
        writer.write(ACCEPTED)
        if b"/watch" in request:
            self._watchers.append(writer)
            return
        told = [(seq, await self._message(reader)) for seq in range(1, UPDATES + 1)]
        told = self._defect(told)
        for begin in range(0, len(told), self._a_frame):
            lines = [b'{"seq":%d,"data":%b}' % each for each in told[begin : begin + self._a_frame]]
            for watcher in self._watchers:
                watcher.write(_frame(b"\n".join(lines)))

    async def close(self) -> None:
        """Let go of every connection."""
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
async def served(what: Served) -> AsyncIterator[Field]:
    """Its port."""
    server = await asyncio.start_server(what.serve, HOST, 0)
    try:
        yield ("port", server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await what.close()


@asynccontextmanager
async def load(relay: Relay, *watch: Field, kind: str = "websocket") -> AsyncIterator[Generator]:
    """A generator with watchers of the relay in group 0 and a publisher in group 1."""
    async with served(relay) as port, generator() as made:
        await made.tell("open", [port, ("count", WATCHERS), ("path", "/watch"), *watch, ("live", 1), ("timed", 1)])
        await made.tell("open", [port, ("group", 1), ("path", "/publish"), ("kind", kind)])
        yield made


async def run(made: Generator) -> dict[str, float]:
    item = '{"n":{n},"ts":{ts}}'
    fields: Iterable[Field] = [("publishers", 1), ("item", item), ("most", UPDATES), ("seconds", 5), ("drain", 0.5)]
    return await made.tell("run", fields)


@pytest.mark.parametrize("a_frame", [1, 7])
async def test_every_delivery_is_counted_however_they_are_framed(a_frame: int) -> None:
    async with load(Relay(lambda told: told, a_frame=a_frame), ("seqs", 1), ("deflate", 1)) as made:
        answer = await run(made)

    assert (answer["published"], answer["delivered"]) == (UPDATES, UPDATES * WATCHERS)
    assert 0 < answer["p50"] <= answer["p99"] <= answer["worst"]


@pytest.mark.parametrize(
    ("defect", "said"),
    [
        (lambda told: told[:4] + told[5:], "lost"),
        (lambda told: told[:-1], "lost: 3 deliveries"),
        (lambda told: told[:5] + told[4:], "doubled"),
        (lambda told: [*told[:4], told[5], told[4], *told[6:]], "lost"),
        (lambda told: [(seq + (seq > 4), update) for seq, update in told], "hole"),
        (lambda told: [*told[:4], (5, b'{"n":1000000000099}'), *told[5:]], "lost"),
    ],
    ids=["one is missing", "the last is missing", "one comes twice", "two change places", "seqs skip", "a stranger"],
)
@pytest.mark.parametrize("a_frame", [1, 7])
async def test_a_broken_law_is_a_failure(defect: Defect, said: str, a_frame: int) -> None:
    async with load(Relay(defect, a_frame=a_frame), ("seqs", 1)) as made:
        with pytest.raises(Failure, match=said):
            await run(made)


async def come_back(relay: Relay) -> dict[str, float]:
    """What watchers are told who ask for what another generator publishes, after seq 100."""
    async with served(relay) as port, generator() as publisher, generator() as made:
        foreign = [port, ("count", WATCHERS), ("path", "/watch"), ("seqs", 1), ("foreign", 1)]
        await made.tell("open", foreign)
        await publisher.tell("open", [port, ("group", 1), ("path", "/publish")])
        asked = made.tell("send", [("text", "{}"), ("after", 100), ("behind", UPDATES), ("within", 0.5)])
        return (await asyncio.gather(asked, run(publisher)))[0]


def after_100(told: Told) -> Told:
    return [(100 + seq, update) for seq, update in told]


async def test_what_another_generator_publishes_is_counted() -> None:
    answer = await come_back(Relay(after_100))

    assert answer["got"] == UPDATES * WATCHERS


@pytest.mark.parametrize(
    ("defect", "said"),
    [
        (lambda told: after_100(told)[1:], "hole"),
        (lambda told: [*after_100(told)[:4], *after_100(told)[5:]], "lost"),
        (lambda told: after_100(told)[:-1], "have not got"),
        (lambda told: told, "hole"),
    ],
    ids=["the first is missing", "one is missing", "the last is missing", "they are others"],
)
async def test_a_law_broken_for_what_another_generator_publishes_is_a_failure(defect: Defect, said: str) -> None:
    with pytest.raises(Failure, match=said):
        await come_back(Relay(defect))


class Counter:
    """A websocket server that counts what each connection says."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._writers: list[asyncio.StreamWriter] = []
        self.heard: list[int] = []
        self.all_heard = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ACCEPTED)
        own = len(self.heard)
        self.heard.append(0)
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while size := (await reader.readexactly(2))[1] & 127:
                await reader.readexactly(4 + size)
                self.heard[own] += 1
                if sum(self.heard) == self._expected:
                    self.all_heard.set()

    async def close(self) -> None:
        """Let go of every connection."""
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def test_publishers_take_turns_at_a_pace() -> None:
    counter = Counter(9)
    async with served(counter) as port, generator() as made:
        await made.tell("open", [port, ("group", 1), ("count", 3)])
        await made.tell("run", [("publishers", 1), ("item", "{}"), ("most", 9), ("seconds", 5), ("rate", 200)])
        async with asyncio.timeout(5):
            await counter.all_heard.wait()

    assert counter.heard == [3, 3, 3]


async def test_an_update_at_a_watcher_of_an_idle_channel_is_a_failure() -> None:
    async with load(Relay(lambda told: told), ("live", 0)) as made:
        with pytest.raises(Failure, match="idle channel"):
            await run(made)


async def test_a_publish_that_is_refused_is_a_failure() -> None:
    async with load(Relay(lambda told: told), kind="http") as made:
        with pytest.raises(Failure, match="was answered HTTP/1"):
            await run(made)


async def test_a_slow_watcher_is_not_waited_for() -> None:
    async with load(Relay(lambda told: told), ("slow", 10)) as made:
        answer = await run(made)

    assert answer["delivered"] == 0


def test_without_a_compiler_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoCompiler, match="apt install gcc"):
        built()


def test_an_update_is_as_long_as_the_measure_says() -> None:
    item = padded('{"n":{n},"pad":"{pad}"}').replace("{n}", "1" * 13)

    assert len(item) == UPDATE_BYTES
