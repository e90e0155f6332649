"""A websocket after its handshake, on the transport it was accepted on: RFC 6455 in synchronous steps.

The server that shook hands is done with it, and so are its tasks, queues and request objects: what is left of an idle
watcher is a socket, a parser and a position. A parser takes apart what is not simply a text; what is done about each
frame is decided here.
"""

import asyncio
from typing import Any, Protocol

from app.model.batch import Batch
from app.transport.encoding import frame, text_frame
from app.transport.frames import MESSAGE_TOO_BIG, Binary, Close, Frame, Parser, Ping, Text
from app.transport.sink import HIGH, LOW
from app.transport.stall import Movement

_PING = b"\x89\x00"
_CLOSE_TIMEOUT = 5.0  # Seconds that a client has to answer a close, or to take ours, before its connection is cut.
_SLICE_BYTES = 4096  # Parsed in one step: a read may bring 256 KiB, and a frame takes 6.


class Owner(Protocol):
    """What a websocket reports to. Every method is synchronous and quick."""

    def received(self, message: str | bytes) -> None:
        """The client sent a whole message, text or binary."""

    def closed(self) -> None:
        """The connection is over; called once, at last."""

    def stalled(self) -> None:
        """The client has taken nothing for the send timeout; the owner closes the connection."""


class Websocket(Movement, asyncio.Protocol):
    """A sink for one client, and what receives from it. A message over `max_length` bytes closes it with
    1009."""

    __slots__ = (
        "_blocked",
        "_disconnected",
        "_drains",
        "_length",
        "_max_length",
        "_outbox",
        "_owner",
        "_parse_is_due",
        "_parser",
        "_parts",
        "_paused",
        "_timer",
        "_transport",
        "_unparsed",
        "next_ping",
        "written",
    )

    def __init__(self, transport: asyncio.Transport, parser: Parser, owner: Owner, max_length: int) -> None:
        super().__init__()
        self.next_ping = 0.0  # For the task that pings; by the loop's clock.
        self.written = 0
        self._owner = owner
        self._max_length = max_length
        self._transport = transport
        self._transport.set_write_buffer_limits(HIGH, LOW)
        self._parser = parser
        self._blocked = False
        # None instead of empty lists, which are 168 bytes of an idle watcher's 7.5 kB (benchmark `memory`).
        self._drains: list[asyncio.Future[None]] | None = None
        self._outbox: list[bytes] | None = None
        self._parts: list[Any] | None = None
        self._length = 0
        self._timer: asyncio.TimerHandle | None = None
        self._unparsed = b""
        self._paused = False
        self._parse_is_due = False
        self._disconnected = False

    # Out

    @property
    def closed(self) -> bool:
        """Nothing may follow a close frame (RFC 6455, 5.5.1), the client's or ours."""
        return not self._parser.is_open or self._transport.is_closing()

    @property
    def disconnected(self) -> bool:
        """Is the connection over?"""
        return self._disconnected

    def write(self, batch: Batch) -> bool:
        """As `Sink.write`."""
        if self._outbox:
            self._flush()
        transport = self._transport
        if self._blocked or not self._parser.is_open or transport.is_closing():
            return False
        data = batch.encoded(frame)
        self.written += len(data)
        transport.write(data)
        return True

    def send(self, message: bytes) -> None:
        """As `Sink.send`. What is sent in one pass of the loop goes as one frame, an object a line."""
        if self._outbox is None:
            self._outbox = []
            asyncio.get_running_loop().call_soon(self._flush)
        self._outbox.append(message)

    async def drain(self) -> None:
        """As `Sink.drain`."""
        while self._blocked and not self.closed:
            drain = asyncio.get_running_loop().create_future()
            self._drains = [*(self._drains or ()), drain]
            await drain

    def close(self, code: int, reason: str) -> None:
        """As `Client.close`; a client that does not answer the close is cut off."""
        if self.closed:
            return
        self._flush()
        self._put(self._parser.close(code, reason))
        self._cut_in_time()

    def ping(self) -> None:
        """Ask for a sign of life (5.5.2), unless something on its way asks for one already."""
        if not self._transport.get_write_buffer_size() and not self.closed:
            self._put(_PING)

    def is_stalled(self, now: float, timeout: float) -> bool:
        """Has the client taken nothing of what waits for it for `timeout` seconds? To be asked every now and then."""
        return self.has_stalled(now, timeout, self._transport.get_write_buffer_size(), self.written)

    def report_stalled(self) -> None:
        """Notify the owner that it has stalled."""
        self._owner.stalled()

    def cut(self) -> None:
        """End the connection without waiting for anything."""
        self._transport.abort()

    def _flush(self) -> None:
        if self._outbox:
            messages, self._outbox = self._outbox, None
            if not self.closed:
                self._put(text_frame(b"\n".join(messages)))

    def _put(self, data: bytes) -> None:
        if not self._transport.is_closing():  # asyncio logs, and uvloop raises, what is written after that.
            self.written += len(data)
            self._transport.write(data)

    # In

    def pause(self) -> None:
        """As `Client.pause`: nothing more is read from the socket, and TCP holds the client back."""
        self._paused = True
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """As `Client.resume`; what was read before goes first."""
        self._paused = False
        if self._unparsed:
            self._parse_soon()
        elif not self._transport.is_closing():
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Parse it: at once when it is little, else a slice in each pass of the loop, and no more is read before that
        is done."""
        if len(data) <= _SLICE_BYTES and not self._unparsed and not self._paused:
            self._parse(data)
            return
        self._unparsed += data
        if not self._transport.is_closing():
            self._transport.pause_reading()
        self._parse_soon()

    def eof_received(self) -> None:
        """The client sends no more; what waits for it may still go."""
        self._cut_in_time()

    def _parse_soon(self) -> None:
        if not self._parse_is_due:
            self._parse_is_due = True
            asyncio.get_running_loop().call_soon(self._parse_slice)

    def _parse_slice(self) -> None:
        self._parse_is_due = False
        if self._disconnected or self._paused:
            return
        part, self._unparsed = self._unparsed[:_SLICE_BYTES], self._unparsed[_SLICE_BYTES:]
        self._parse(part)
        if not self._paused:
            self.resume()

    def _parse(self, data: bytes) -> None:
        """Hand on messages, and answer what the protocol itself answers."""
        texts, data = self._parser.take_texts(data, self._max_length)
        for text in texts:
            self._owner.received(text)
        if data:
            for found in self._parser.parse(data):
                self._take(found)

    def pause_writing(self) -> None:
        """More than HIGH waits."""
        self._blocked = True

    def resume_writing(self) -> None:
        """No more than LOW waits."""
        self._blocked = False
        self._end_drains()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over, whatever ended it."""
        self._disconnected = True
        self._unparsed = b""
        if self._timer is not None:
            self._timer.cancel()
        self._outbox = self._parts = None
        self._blocked = False
        self._end_drains()
        self._owner.closed()

    def _take(self, found: Frame) -> None:
        if isinstance(found, Text | Binary):
            self._take_part(found)
        elif isinstance(found, Close):
            if found.answer:
                self._put(found.answer)
            self._transport.close()  # The server goes first (7.1.1), once the client has taken what waits for it.
            self._cut_in_time()
        # A client that takes no pongs gets none: they would pile up (5.5.3 asks for the latest one only).
        elif isinstance(found, Ping) and self._transport.get_write_buffer_size() <= HIGH:
            self._put(self._parser.pong(found.payload))

    def _take_part(self, part: Text | Binary) -> None:
        self._length += _bytes_of(part.data)
        if self._length > self._max_length:
            self._parts = None
            self.close(MESSAGE_TOO_BIG, f"a message is at most {self._max_length} bytes")
        elif not part.last:
            if part.data:  # Any number of empty ones may come.
                self._parts = self._parts if self._parts is not None else []
                self._parts.append(part.data)
        elif not self._parts:
            self._length = 0
            self._owner.received(part.data)
        else:
            parts, self._parts, self._length = [*self._parts, part.data], None, 0
            self._owner.received("".join(parts) if isinstance(part, Text) else b"".join(parts))

    def _cut_in_time(self) -> None:
        """Cut the connection after the close timeout, if it is still there."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_CLOSE_TIMEOUT, self.cut)

    def _end_drains(self) -> None:
        drains, self._drains = self._drains, None
        for drain in drains or ():
            if not drain.done():
                drain.set_result(None)


def _bytes_of(data: str | bytes) -> int:
    """The size of a part as it was sent: a text in UTF-8."""
    return len(data) if isinstance(data, bytes) or data.isascii() else len(data.encode())
