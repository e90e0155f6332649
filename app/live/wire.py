"""What the server underneath lets us do beyond ASGI: write to its socket, decline compression, hear of a shutdown, cut.

Under hypercorn's asyncio workers the `send` that an application gets leads, step by step and each step checked, to
the server's own objects. Under any other server every answer is the harmless one, and plain ASGI is used.
"""

import asyncio
import socket
from asyncio import StreamWriter
from collections.abc import Awaitable, Callable
from typing import Any

from h11 import SEND_BODY, Connection
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.protocol.ws_stream import FrameTooLargeError, WebsocketBuffer, WSStream
from wsproto.connection import ConnectionState
from wsproto.events import Message

from app.live.frame import CHUNKED, Form, frame, text
from app.live.sink import ChunkSink, PlainSink, Sink, WebsocketSink

_PING = b"\x89\x00"

_LAST_WORDS = 5.0  # Seconds that a client has to answer the close 1009 before its connection is cut.

type Send = Callable[[Any], Awaitable[None]]


class Stalled(ConnectionError):
    """The other side has taken nothing for the send timeout."""


class Wire:
    """The server's side of one request or websocket, as far as it can be reached."""

    __slots__ = (
        "_moved",
        "_progress",
        "_protocol",
        "_send",
        "_sink",
        "_stream",
        "_timeout",
        "_writer",
        "_written",
        "next_ping",
        "on_stall",
    )

    def __init__(self, send: Send, send_timeout: float) -> None:
        """`send_timeout`, in seconds: how long the other side may take nothing of what waits for it."""
        self.next_ping = 0.0  # For who pings; by the loop's clock.
        self.on_stall: Callable[[], None] | None = None  # What to do instead of a cut.
        self._send = send
        self._timeout = send_timeout
        self._sink: Sink | None = None
        self._written = 0
        self._progress = 0
        self._moved = asyncio.get_running_loop().time()
        stream = getattr(send, "__self__", None)
        self._stream = stream if isinstance(stream, WSStream | HTTPStream) else None
        self._protocol, self._writer = _reach(self._stream)

    def websocket(self) -> Sink:
        """Where to write on this websocket, once it is accepted."""
        if self._writer is not None and isinstance(self._stream, WSStream):
            self._sink = WebsocketSink(self._writer, self._stream, frame)
        else:
            self._sink = PlainSink(self.send, text, _text_message, b"\n")
        return self._sink

    def body(self, form: Form) -> Sink:
        """Where to write the body of a streamed answer, once its head and all that goes before are sent."""
        connection = self._protocol.connection if self._protocol is not None else None
        # h11 frames it in chunks for a client that understands them; one of HTTP/1.0 gets it raw.
        if (
            self._writer is not None
            and isinstance(connection, Connection)
            and connection.our_state is SEND_BODY
            and connection.their_http_version == b"1.1"
        ):
            self._sink = ChunkSink(self._writer, connection, CHUNKED[form])
        else:
            self._sink = PlainSink(self.send, form, _body_message, b"")
        return self._sink

    async def send(self, message: Any) -> None:
        """ASGI's send. Raises Stalled where only waiting shows that the other side takes nothing."""
        if self._writer is not None:
            self._written += len(message.get("body") or message.get("text") or "")
            await self._send(message)
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._send(message)
        except TimeoutError:
            self.give_up()
            raise Stalled from None

    def is_stalled(self, now: float) -> bool:
        """Has the socket taken nothing of what waits for it since the send timeout? To be asked every now and then."""
        if self._writer is None:
            return False
        waiting = self._writer.transport.get_write_buffer_size()
        progress = self._written - waiting + (self._sink.written if self._sink is not None else 0)
        if not waiting or progress > self._progress:
            self._moved, self._progress = now, progress
        return now - self._moved > self._timeout

    def give_up(self) -> None:
        """End a connection that is stalled: with a goodbye where somebody wants to say one, else by force."""
        (self.on_stall or self.cut)()

    def cut(self) -> None:
        """End the connection without waiting for what is unsent."""
        if self._writer is not None:
            self._writer.transport.abort()

    def decline_compression(self) -> None:
        """Leave permessage-deflate out of the handshake: a compressor a connection costs up to 300 KiB and the sharing
        of encoded bytes, and hypercorn accepts it from every client that offers it."""
        if isinstance(self._stream, WSStream):
            self._stream.handshake.extensions = None

    def bound_messages(self) -> None:
        """Let go of a message over the limit and, soon after, of who sent it: hypercorn answers 1009 and goes on
        collecting what the client sends, for as long as it does."""
        if isinstance(self._stream, WSStream):
            self._stream.buffer = _BoundedMessage(self._stream.buffer.max_length, self.cut)

    def notice_death(self) -> None:
        """Let the kernel end a websocket whose peer acknowledges nothing any more: a closed lid says no goodbye."""
        if self._writer is None or not isinstance(self._stream, WSStream):
            return
        handle = self._writer.get_extra_info("socket")
        if handle is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            # Later than we would close it ourselves, with 1013, for not reading.
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(3000 * self._timeout))

    def ping(self) -> None:
        """Ping the websocket (RFC 6455, 5.5.2), between two frames as every write is; not one that is behind already.

        hypercorn's own pings cost a task a connection, and hold a closed connection, and so a shutdown, until the next
        one is due.
        """
        connection = getattr(self._stream, "connection", None) if isinstance(self._stream, WSStream) else None
        if connection is None or self._writer is None or self._writer.transport.is_closing():
            return
        if connection.state is ConnectionState.OPEN and not self._writer.transport.get_write_buffer_size():
            self._writer.transport.write(_PING)

    def shutdown(self) -> Callable[[], Awaitable[None]] | None:
        """What to await to hear that the server is asked to stop; None when it can't be heard.

        hypercorn tells applications only after every connection has ended, which ours would never do by themselves.
        """
        context = getattr(self._stream, "context", None)
        return context.terminated.wait if isinstance(context, WorkerContext) else None


class _BoundedMessage(WebsocketBuffer):
    """The message that is coming in; over the limit nothing is kept of it, nor of what comes after it."""

    def __init__(self, max_length: int, cut: Callable[[], None]) -> None:
        super().__init__(max_length)
        self._cut = cut
        self._refused = False

    def extend(self, event: Message[Any]) -> None:
        try:
            super().extend(event)
        except FrameTooLargeError:
            self.value = None
            if not self._refused:
                self._refused = True
                asyncio.get_running_loop().call_later(_LAST_WORDS, self._cut)
            raise


def _reach(stream: WSStream | HTTPStream | None) -> tuple[H11Protocol | None, StreamWriter | None]:
    protocol = getattr(getattr(stream, "send", None), "__self__", None)
    if not isinstance(protocol, H11Protocol):
        return None, None  # HTTP/2 has its own framing and flow control, and many streams a transport.
    server = getattr(protocol.send, "__self__", None)
    if not isinstance(server, TCPServer) or not isinstance(server.writer, StreamWriter):
        return None, None
    return protocol, server.writer


def _text_message(message: bytes) -> dict[str, Any]:
    return {"type": "websocket.send", "bytes": None, "text": message.decode()}


def _body_message(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}
