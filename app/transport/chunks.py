"""Chunks of a streamed HTTP/1.1 answer, written to the server's own transport."""

from asyncio import StreamWriter
from contextlib import suppress
from typing import Protocol

from app.model.batch import Batch, Form
from app.transport.encoding import chunk
from app.transport.sink import HIGH, LOW


class Answering(Protocol):
    """The server's side of a connection."""

    @property
    def our_state(self) -> object:
        """What the server is doing on it."""


class ChunkSink:
    """The body of an answer whose head is sent."""

    __slots__ = ("_connection", "_form", "_released", "_sending", "_transport", "_writer", "written")

    def __init__(self, writer: StreamWriter, connection: Answering, sending: object, form: Form) -> None:
        """`sending` is the connection's state while an answer's body is sent. It is compared at each write, where a
        function for it would take 14 ns of a delivery's 150."""
        self._writer = writer
        self._transport = writer.transport
        if not self._transport.is_closing():  # Or uvloop raises.
            self._transport.set_write_buffer_limits(HIGH, LOW)  # So that `drain` waits for what `write` refuses.
        self._released = False
        self._connection = connection
        self._sending = sending
        self._form = form
        self.written = 0

    @property
    def closed(self) -> bool:
        # The state is not enough: it is the same again once the next answer on the connection has begun.
        return self._released or self._connection.our_state is not self._sending or self._transport.is_closing()

    def write(self, batch: Batch) -> bool:
        if self._transport.get_write_buffer_size() > HIGH or self.closed:
            return False
        self._put(batch.encoded(self._form))
        return True

    def send(self, message: bytes) -> None:
        if not self.closed:
            self._put(chunk(message))

    async def drain(self) -> None:
        with suppress(OSError):
            await self._writer.drain()

    async def finish(self) -> None:
        pass  # Everything was handed to the transport as it was written.

    def release(self) -> None:
        self._released = True

    def _put(self, data: bytes) -> None:
        self.written += len(data)
        self._transport.write(data)
