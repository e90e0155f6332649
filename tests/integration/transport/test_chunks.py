"""Chunks on a real socket: whole, in order, within the bound, and none for an answer that has ended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import h11
import pytest

from app.model.batch import Batch
from app.model.update import Entry
from app.transport.chunks import ChunkSink
from app.transport.encoding import CHUNKED, ndjson
from app.transport.sink import HIGH, LOW
from tests.support.hub_ways import until
from tests.support.ports import HOST
from tests.support.raw_socket import RawSocket
from tests.support.ways import Way, run

SIZE = 10_000
LOOPS = pytest.mark.parametrize("loop", [Way.DIRECT, Way.UVLOOP])


class Answering:
    """The server's side of one streamed answer: its head is sent, its body is the sink's."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.connection = h11.Connection(h11.SERVER)
        self.begin()
        self.sink = ChunkSink(writer, self.connection, h11.SEND_BODY, CHUNKED[ndjson])

    def begin(self) -> None:
        """Receive the next request on the connection, and send the head of its answer."""
        self.connection.receive_data(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while not isinstance(self.connection.next_event(), h11.EndOfMessage):
            pass
        head = self.connection.send(h11.Response(status_code=200, headers=[("Transfer-Encoding", "chunked")]))
        self.writer.write(head or b"")

    def end(self) -> None:
        """End the answer as the server does."""
        self.writer.write(self.connection.send(h11.EndOfMessage()) or b"")

    @property
    def waiting(self) -> int:
        """Bytes that the kernel has not accepted yet."""
        return self.writer.transport.get_write_buffer_size()


@asynccontextmanager
async def answering(*, receive_buffer: int = 65_536) -> AsyncIterator[tuple[Answering, RawSocket]]:
    """Both ends of one connection."""
    accepted: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda _, writer: accepted.set_result(writer), HOST, 0)
    async with server, RawSocket(server.sockets[0].getsockname()[1], receive_buffer=receive_buffer) as raw:
        writer = await accepted
        try:
            yield Answering(writer), raw
        finally:
            writer.transport.abort()  # The server waits for its connections.


def batch(number: int) -> Batch:
    return Batch("e1", [Entry(number, b"%d:" % number + b"x" * SIZE)])


async def chunks(raw: RawSocket) -> list[bytes]:
    """The chunks of one answer, each whole."""
    await raw.until(b"\r\n\r\n")
    found: list[bytes] = []
    while size := int(await raw.until(b"\r\n"), 16):
        found.append(await raw.until(b"\r\n"))
        assert len(found[-1]) == size + 2
    await raw.until(b"\r\n")
    return found


@LOOPS
def test_what_is_written_and_sent_arrives_whole_and_in_order(loop: Way) -> None:
    async def scenario() -> None:
        async with answering() as (answer, raw):
            expected = []
            for number in range(100):
                assert answer.sink.write(batch(number))
                answer.sink.send(b"sent %d\n" % number)
                expected += [batch(number).encoded(ndjson) + b"\r\n", b"sent %d\n\r\n" % number]
                if number % 7 == 0:
                    await answer.sink.drain()
                    await asyncio.sleep(0)
                if answer.waiting > HIGH:
                    break
            answer.end()

            assert await chunks(raw) == expected

    run(loop, scenario())


@LOOPS
def test_writes_are_refused_above_the_bound_until_the_client_has_read_to_the_low_mark(loop: Way) -> None:
    async def scenario() -> None:
        async with answering(receive_buffer=4096) as (answer, raw):
            written = 0
            while answer.sink.write(batch(written)):
                written += 1
                await asyncio.sleep(0)
            assert HIGH < answer.waiting <= HIGH + SIZE + 100
            draining = asyncio.create_task(answer.sink.drain())
            await asyncio.sleep(0.05)
            assert not draining.done()
            reading = asyncio.create_task(chunks(raw))
            await asyncio.wait_for(draining, 10)
            assert answer.waiting <= LOW
            assert answer.sink.write(batch(written))
            answer.end()

            assert len(await reading) == written + 1

    run(loop, scenario())


@LOOPS
@pytest.mark.parametrize("end", ["reset", "cut", "ended"])
def test_nothing_is_written_after_the_end_whatever_its_cause(loop: Way, end: str) -> None:
    async def scenario() -> None:
        async with answering() as (answer, raw):
            assert answer.sink.write(batch(0))
            if end == "reset":
                raw.reset()
                await until(lambda: not answer.sink.write(batch(1)))
            elif end == "cut":
                answer.writer.transport.abort()
                await asyncio.sleep(0.01)
            else:
                answer.end()
            written = answer.sink.written
            answer.sink.send(b"too late\n")

            assert answer.sink.closed
            assert not answer.sink.write(batch(2))
            assert answer.sink.written == written
            async with asyncio.timeout(5):
                await answer.sink.drain()
                await answer.sink.finish()

    run(loop, scenario())


@LOOPS
def test_a_closed_sink_writes_nothing_into_the_next_answer_on_its_connection(loop: Way) -> None:
    async def scenario() -> None:
        async with answering() as (answer, raw):
            answer.sink.send(b"mine\n")
            answer.sink.release()
            answer.end()
            answer.connection.start_next_cycle()
            answer.begin()
            answer.sink.send(b"not mine\n")
            answer.end()

            assert [await chunks(raw), await chunks(raw)] == [[b"mine\n\r\n"], []]

    run(loop, scenario())


@LOOPS
def test_a_sink_may_be_made_for_a_client_that_has_disconnected_already(loop: Way) -> None:
    async def scenario() -> None:
        async with answering() as (answer, _):
            answer.writer.transport.abort()
            await asyncio.sleep(0.01)
            sink = ChunkSink(answer.writer, answer.connection, h11.SEND_BODY, CHUNKED[ndjson])

            assert (sink.closed, sink.write(batch(0))) == (True, False)

    run(loop, scenario())
