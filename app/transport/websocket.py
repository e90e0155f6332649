"""A websocket after its handshake, on the transport it was accepted on: RFC 6455 spoken in synchronous steps.

The server that shook hands is done with it, and so are its tasks, queues and request objects: what is left of an idle
watcher is a socket, a parser and a position. wsproto parses what is not simply a text (`incoming`); what frames may
cost is decided here.
"""

import asyncio
from collections import deque
from typing import Any, Protocol

from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.frame_protocol import CloseReason

from app.model.batch import Batch
from app.transport.encoding import frame, text_frame
from app.transport.incoming import BoundedConnection
from app.transport.sink import HIGH, LOW
from app.transport.stall import Movement

_PING = b"\x89\x00"
_LAST_WORDS = 5.0  # Seconds that a client has to take its leave before its connection is cut.
_SLICE = 4096  # Bytes parsed in one step: a read may bring 256 KiB, and a frame takes 6.


class Owner(Protocol):
    """Who speaks over the websocket. Every method is synchronous and quick."""

    def received(self, message: str | bytes) -> None:
        """The client sent a whole message, text or binary."""

    def closed(self) -> None:
        """The connection is over; called once, at last."""

    def stalled(self) -> None:
        """The client takes nothing any more; the connection is to be closed."""


class Websocket(Movement, asyncio.Protocol):
    """A sink for one client, and the ear for it. Messages over `most` characters or bytes end it with 1009."""

    __slots__ = (
        "_blocked",
        "_connection",
        "_hearing",
        "_length",
        "_lost",
        "_most",
        "_owner",
        "_parts",
        "_paused",
        "_said",
        "_timer",
        "_transport",
        "_unheard",
        "_waiting",
        "next_ping",
        "written",
    )

    def __init__(self, transport: asyncio.Transport, connection: BoundedConnection, owner: Owner, most: int) -> None:
        super().__init__()
        self.next_ping = 0.0  # For who pings; by the loop's clock.
        self.written = 0
        self._owner = owner
        self._most = most
        self._transport = transport
        self._transport.set_write_buffer_limits(HIGH, LOW)
        self._connection = connection
        self._blocked = False
        self._waiting: deque[asyncio.Future[None]] | None = None
        self._said: list[bytes] | None = None
        self._parts: list[Any] | None = None
        self._length = 0
        self._timer: asyncio.TimerHandle | None = None
        self._unheard = b""
        self._paused = False
        self._hearing = False
        self._lost = False

    # Out

    @property
    def closed(self) -> bool:
        """Nothing may follow a close frame (RFC 6455, 5.5.1), the client's or ours."""
        return self._connection.state is not ConnectionState.OPEN or self._transport.is_closing()

    @property
    def disconnected(self) -> bool:
        """Is the connection over?"""
        return self._lost

    def write(self, batch: Batch) -> bool:
        """As `Sink.write`."""
        if self._said is not None:
            self._flush()
        transport = self._transport
        if self._blocked or self._connection.state is not ConnectionState.OPEN or transport.is_closing():
            return False
        data = batch.encoded(frame)
        self.written += len(data)
        transport.write(data)
        return True

    def send(self, message: bytes) -> None:
        """As `Sink.send`. What is said in one turn of the loop goes as one frame, an object a line."""
        if self._said is None:
            self._said = []
            asyncio.get_running_loop().call_soon(self._flush)
        self._said.append(message)

    async def drain(self) -> None:
        """As `Sink.drain`."""
        while self._blocked and not self.closed:
            if self._waiting is None:
                self._waiting = deque()
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter

    def close(self, code: int, reason: str) -> None:
        """Say what was said, then close; a client that does not answer is cut off."""
        if self.closed:
            return
        self._flush()
        self._put(self._connection.send(CloseConnection(code, reason)))
        self._await_end()

    def ping(self) -> None:
        """Ask for a sign of life (5.5.2), unless there is something on its way that asks for one already."""
        if not self._transport.get_write_buffer_size() and not self.closed:
            self._put(_PING)

    def is_stalled(self, now: float, timeout: float) -> bool:
        """Has the client taken nothing of what waits for it for `timeout` seconds? To be asked every now and then."""
        return self._has_stalled(now, timeout, self._transport.get_write_buffer_size(), self.written)

    def report_stalled(self) -> None:
        """Tell the owner that it has."""
        self._owner.stalled()

    def cut(self) -> None:
        """End the connection without waiting for anything."""
        self._transport.abort()

    def _flush(self) -> None:
        said, self._said = self._said, None
        if said is not None and not self.closed:
            self._put(text_frame(b"\n".join(said)))

    def _put(self, data: bytes) -> None:
        if not self._transport.is_closing():  # asyncio logs, and uvloop raises, what is written after that.
            self.written += len(data)
            self._transport.write(data)

    # In

    def pause(self) -> None:
        """Hear no more of what came, and read no more from the socket; TCP tells the client."""
        self._paused = True
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Hear the rest, and go on reading."""
        self._paused = False
        if self._unheard:
            self._hear_soon()
        elif not self._transport.is_closing():
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Take what came apart: at once when it is little, else a slice in each turn of the loop, and read no more
        before that is done."""
        if len(data) <= _SLICE and not self._unheard and not self._paused:
            self._parse(data)
            return
        self._unheard += data
        if not self._transport.is_closing():
            self._transport.pause_reading()
        self._hear_soon()

    def eof_received(self) -> None:
        """The client says no more; what waits for it may still go."""
        self._await_end()

    def _hear_soon(self) -> None:
        if not self._hearing:
            self._hearing = True
            asyncio.get_running_loop().call_soon(self._hear)

    def _hear(self) -> None:
        self._hearing = False
        if self._lost or self._paused:
            return
        part, self._unheard = self._unheard[:_SLICE], self._unheard[_SLICE:]
        self._parse(part)
        if not self._paused:
            self.resume()

    def _parse(self, data: bytes) -> None:
        """Hear messages, and answer what the protocol itself answers."""
        texts, data = self._connection.take_texts(data, self._most)
        for text in texts:
            self._owner.received(text)
        if not data or self._connection.state not in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING):
            return
        self._connection.receive_data(data)
        for event in self._connection.events():
            if isinstance(event, CloseConnection):
                self._close(event)
                return
            self._take(event)

    def pause_writing(self) -> None:
        """More than HIGH waits."""
        self._blocked = True

    def resume_writing(self) -> None:
        """No more than LOW waits."""
        self._blocked = False
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over, however that came."""
        self._lost = True
        self._unheard = b""
        if self._timer is not None:
            self._timer.cancel()
        self._said = self._parts = None
        self._blocked = False
        self._wake()
        self._owner.closed()

    def _take(self, event: Event) -> None:
        if isinstance(event, TextMessage | BytesMessage):
            self._take_part(event)
        # A client that takes no pongs gets none: they would pile up (5.5.3 asks for the latest one only).
        elif isinstance(event, Ping) and self._transport.get_write_buffer_size() <= HIGH:
            self._put(self._connection.send(event.response()))

    def _take_part(self, event: TextMessage | BytesMessage) -> None:
        self._length += len(event.data)
        if self._length > self._most:
            self._parts = None
            self.close(CloseReason.MESSAGE_TOO_BIG, f"a message is at most {self._most} bytes")
        elif event.message_finished and self._parts is None:
            self._length = 0
            self._owner.received(event.data if isinstance(event.data, str) else bytes(event.data))
        else:
            if self._parts is None:
                self._parts = []
            if event.data:
                self._parts.append(event.data)
            if event.message_finished:
                parts, self._parts, self._length = self._parts, None, 0
                self._owner.received("".join(parts) if isinstance(event, TextMessage) else b"".join(parts))

    def _close(self, event: CloseConnection) -> None:
        """The client closes, answers our close, or has to be failed, which looks as if it had closed with that code."""
        if self._connection.state is ConnectionState.REMOTE_CLOSING:
            self._put(self._connection.send(event.response()))
        self._transport.close()  # The server goes first (7.1.1), once the client has taken what waits for it.
        self._await_end()

    def _await_end(self) -> None:
        """Whoever does not take its leave is cut off."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LAST_WORDS, self.cut)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        for waiter in waiting or ():
            if not waiter.done():
                waiter.set_result(None)
