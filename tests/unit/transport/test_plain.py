"""The plain sink: over a `send` of any pace, whole messages in their order, within a bound, and none after the end."""

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

AT_ONCE = 64 * 1024  # bytes: what one message gathers, unless one thing is larger


class Server:
    """A server's `send`, which takes one message whenever it is let."""

    def __init__(self, *, closed: bool = False) -> None:
        self.taken: list[bytes] = []
        self.closed = closed
        self._allowed = asyncio.Semaphore(0)
        self.sink = PlainSink(self.send, ndjson, lambda body: {"body": body}, b"", lambda: None)

    async def send(self, message: dict[str, Any]) -> None:
        """ASGI's."""
        await self._allowed.acquire()
        if self.closed:
            raise ConnectionResetError("the client has left")
        self.taken.append(message["body"])

    def take(self, count: int = 1) -> None:
        """Take the next so many messages."""
        for _ in range(count):
            self._allowed.release()

    @property
    def held(self) -> int:
        """Bytes that were written and are not taken."""
        return self.sink.written - sum(map(len, self.taken))


def batch(number: int, size: int = 100) -> Batch:
    return Batch("e1", [Entry(number, b"%d:" % number + b"x" * size)])


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


STEPS = st.lists(st.sampled_from(["write", "large", "send", "take", "turn", "drain"]), max_size=80)


@given(STEPS)
@settings(deadline=None)
def test_everything_that_was_taken_in_arrives_in_its_order_and_nothing_else(steps: list[str]) -> None:
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
                case "turn":
                    await turns()
        server.take(len(steps) + 1)
        async with asyncio.timeout(5):
            await server.sink.finish()
            await asyncio.gather(*draining)

        assert b"".join(server.taken) == b"".join(accepted)
        assert all(message.endswith(b"\n") for message in server.taken)
        assert server.held == 0

    asyncio.run(play())


async def test_who_takes_nothing_holds_no_more_than_the_bound_and_one_batch() -> None:
    server = Server()
    written = 0
    while server.sink.write(batch(written, 10_000)):
        written += 1
        await turns(2)

    assert HIGH < server.held <= HIGH + 10_100
    assert not server.sink.write(batch(written, 1))
    server.sink.send(b"what is no update is sent all the same\n")
    assert server.held > HIGH


async def test_after_a_refusal_it_goes_on_below_the_low_mark_and_no_sooner() -> None:
    server = Server()
    while server.sink.write(batch(0, 10_000)):
        pass
    drained = asyncio.create_task(server.sink.drain())
    await turns()
    left = []
    while not drained.done():
        left.append(server.held)
        server.take()
        await turns()

    assert left[-1] > LOW >= server.held
    assert len(left) > 1
    assert server.sink.write(batch(0))


async def test_drain_returns_at_once_where_there_is_room() -> None:
    server = Server()
    server.sink.write(batch(0))
    async with asyncio.timeout(1):
        await server.sink.drain()

    assert server.held > 0


async def test_what_comes_in_one_turn_is_one_message_and_what_gathers_meanwhile_is_the_next() -> None:
    server = Server()
    for number in range(3):
        server.sink.send(b"%d\n" % number)
    await turns()
    for number in range(3, 6):
        server.sink.send(b"%d\n" % number)
    server.take(2)
    await turns()

    assert server.taken == [b"0\n1\n2\n", b"3\n4\n5\n"]


async def test_one_message_gathers_no_more_than_its_bound_however_much_waits() -> None:
    server = Server()
    server.sink.send(b"first\n")
    await turns()
    for number in range(12):
        server.sink.write(batch(number, 10_000))
    server.sink.send(b"y" * 2 * AT_ONCE + b"\n")
    server.take(10)
    async with asyncio.timeout(5):
        await server.sink.finish()

    assert max(map(len, server.taken)) == 2 * AT_ONCE + 1
    assert sorted(map(len, server.taken))[-2] <= AT_ONCE
    assert len(server.taken) == 4


async def test_nothing_is_written_after_close_and_who_drains_goes_on() -> None:
    server = Server()
    while server.sink.write(batch(0, 10_000)):
        pass
    draining = asyncio.create_task(server.sink.drain())
    await turns()
    server.sink.release()
    server.sink.send(b"too late\n")
    written = server.sink.write(batch(1))
    server.take(100)
    async with asyncio.timeout(1):
        await draining
    await turns()

    assert (server.taken, written, server.sink.closed) == ([], False, True)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_a_client_that_left_closes_the_sink() -> None:
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


async def test_a_server_that_refuses_a_message_closes_the_sink_and_no_exception_goes_unretrieved() -> None:
    """Servers other than hypercorn raise a RuntimeError for what is sent too late."""
    unretrieved: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: unretrieved.append(context))

    async def send(message: dict[str, Any]) -> None:
        raise RuntimeError("Unexpected ASGI message 'websocket.send', after sending 'websocket.close'.")

    sink = PlainSink(send, ndjson, lambda body: {"body": body}, b"", lambda: None)
    while sink.write(batch(0, 10_000)) and not sink.closed:
        await turns()
    await turns()

    assert (sink.closed, unretrieved) == (True, [])


@pytest.mark.parametrize("act", [PlainSink.release, lambda sink: sink.send(b"again\n")], ids=["closed", "written"])
async def test_a_sink_may_be_closed_or_written_while_it_sends(act: Callable[[PlainSink], None]) -> None:
    server = Server()
    server.sink.send(b"first\n")
    await turns()
    act(server.sink)
    server.take(5)
    await turns()

    assert server.taken == ([] if server.sink.closed else [b"first\n", b"again\n"])
