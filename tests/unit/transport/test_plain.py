"""The plain sink: over a `send` of any speed it writes whole messages in order, within a bound, none after the end."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.model.batch import Batch
from app.model.update import Entry
from app.transport.encoding import ndjson
from app.transport.plain import PlainSink
from app.transport.sink import HIGH, LOW

AT_ONCE = 64 * 1024  # bytes: the most that one message holds, unless a single item is larger


class Server:
    """A server's `send`, which takes a message whenever the test permits it."""

    def __init__(self, *, closed: bool = False) -> None:
        self.taken: list[bytes] = []
        self.closed = closed
        self._allowed = asyncio.Semaphore(0)
        self.sink = PlainSink(self.send, ndjson, lambda body: {"body": body}, b"", lambda: None)

    async def send(self, message: dict[str, Any]) -> None:
        """As ASGI defines it."""
        await self._allowed.acquire()
        if self.closed:
            raise ConnectionResetError("the client has disconnected")
        self.taken.append(message["body"])

    def take(self, count: int = 1) -> None:
        """Take the next `count` messages."""
        for _ in range(count):
            self._allowed.release()

    @property
    def held(self) -> int:
        """Bytes that were written and are not taken."""
        return self.sink.written - sum(map(len, self.taken))


def batch(number: int, size: int = 100) -> Batch:
    return Batch("e1", [Entry(number, b"%d:" % number + b"x" * size)])


async def passes(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


STEPS = st.lists(st.sampled_from(["write", "large", "send", "take", "pass", "drain"]), max_size=80)


@given(STEPS)
@settings(deadline=None)
def test_exactly_the_accepted_messages_arrive_in_order(steps: list[str]) -> None:
    async def play() -> None:
        server = Server()
        accepted: list[bytes] = []
        draining: list[asyncio.Task[None]] = []
        for number, step in enumerate(steps):
            match step:
                case "write" | "large":
                    one = batch(number, 50_000 if step == "large" else 100)
                    full = server.held > HIGH
                    if server.sink.write(one):
                        accepted.append(one.encoded(ndjson))
                    assert (accepted[-1:] == [one.encoded(ndjson)]) is not full
                case "send":
                    server.sink.send(b"sent %d\n" % number)
                    accepted.append(b"sent %d\n" % number)
                case "take":
                    server.take()
                case "drain":
                    draining.append(asyncio.create_task(server.sink.drain()))
                case "pass":
                    await passes()
        server.take(len(steps) + 1)
        async with asyncio.timeout(5):
            await server.sink.finish()
            await asyncio.gather(*draining)

        assert b"".join(server.taken) == b"".join(accepted)
        assert all(message.endswith(b"\n") for message in server.taken)
        assert server.held == 0

    asyncio.run(play())


async def test_a_server_that_takes_nothing_holds_no_more_than_the_bound_and_one_batch() -> None:
    server = Server()
    written = 0
    while server.sink.write(batch(written, 10_000)):
        written += 1
        await passes(2)

    assert HIGH < server.held <= HIGH + 10_100
    assert not server.sink.write(batch(written, 1))
    server.sink.send(b"a message that is no update is always accepted\n")
    assert server.held > HIGH


async def test_after_a_refusal_the_sink_accepts_again_below_the_low_mark_and_no_sooner() -> None:
    server = Server()
    while server.sink.write(batch(0, 10_000)):
        pass
    drained = asyncio.create_task(server.sink.drain())
    await passes()
    left = []
    while not drained.done():
        left.append(server.held)
        server.take()
        await passes()

    assert left[-1] > LOW >= server.held
    assert len(left) > 1
    assert server.sink.write(batch(0))


async def test_drain_returns_at_once_where_there_is_room() -> None:
    server = Server()
    server.sink.write(batch(0))
    async with asyncio.timeout(1):
        await server.sink.drain()

    assert server.held > 0


async def test_writes_of_one_pass_are_one_message_and_writes_during_a_send_are_the_next() -> None:
    server = Server()
    for number in range(3):
        server.sink.send(b"%d\n" % number)
    await passes()
    for number in range(3, 6):
        server.sink.send(b"%d\n" % number)
    server.take(2)
    await passes()

    assert server.taken == [b"0\n1\n2\n", b"3\n4\n5\n"]


async def test_one_message_stays_within_its_bound_however_much_waits() -> None:
    server = Server()
    server.sink.send(b"first\n")
    await passes()
    for number in range(12):
        server.sink.write(batch(number, 10_000))
    server.sink.send(b"y" * 2 * AT_ONCE + b"\n")
    server.take(10)
    async with asyncio.timeout(5):
        await server.sink.finish()

    assert max(map(len, server.taken)) == 2 * AT_ONCE + 1
    assert sorted(map(len, server.taken))[-2] <= AT_ONCE
    assert len(server.taken) == 4


async def test_nothing_is_written_after_close_and_a_drain_returns() -> None:
    server = Server()
    while server.sink.write(batch(0, 10_000)):
        pass
    draining = asyncio.create_task(server.sink.drain())
    await passes()
    server.sink.release()
    server.sink.send(b"too late\n")
    written = server.sink.write(batch(1))
    server.take(100)
    async with asyncio.timeout(1):
        await draining
    await passes()

    assert (server.taken, written, server.sink.closed) == ([], False, True)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_a_disconnected_client_closes_the_sink() -> None:
    server = Server(closed=True)
    while server.sink.write(batch(0, 10_000)):
        pass
    draining = asyncio.create_task(server.sink.drain())
    server.take(100)
    async with asyncio.timeout(1):
        await draining
        await server.sink.finish()

    assert server.sink.closed
    assert not server.sink.write(batch(1))


async def test_a_server_that_rejects_a_message_closes_the_sink_and_every_exception_is_retrieved() -> None:
    """Servers other than hypercorn raise a RuntimeError for a message sent after the close."""
    unretrieved: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: unretrieved.append(context))

    async def send(message: dict[str, Any]) -> None:
        raise RuntimeError("Unexpected ASGI message 'websocket.send', after sending 'websocket.close'.")

    sink = PlainSink(send, ndjson, lambda body: {"body": body}, b"", lambda: None)
    while sink.write(batch(0, 10_000)) and not sink.closed:
        await passes()
    await passes()

    assert (sink.closed, unretrieved) == (True, [])


@pytest.mark.parametrize("act", [PlainSink.release, lambda sink: sink.send(b"again\n")], ids=["closed", "written"])
async def test_a_sink_may_be_closed_or_written_while_it_sends(act: Callable[[PlainSink], None]) -> None:
    server = Server()
    server.sink.send(b"first\n")
    await passes()
    act(server.sink)
    server.take(5)
    await passes()

    assert server.taken == ([] if server.sink.closed else [b"first\n", b"again\n"])
