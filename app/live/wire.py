"""What the server underneath lets us do beyond ASGI: decline compression, hear of a shutdown, cut a stuck socket.

Under hypercorn's asyncio workers the `send` that an application gets leads, step by step and each step checked, to
the server's own objects; nothing is patched. Under any other server every answer is the harmless one, and plain ASGI
is used.
"""

import asyncio
import socket
from asyncio import Transport
from collections.abc import Awaitable, Callable
from typing import Any

from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.protocol.ws_stream import FrameTooLargeError, WebsocketBuffer, WSStream
from wsproto.connection import ConnectionState
from wsproto.events import Message

_PING = b"\x89\x00"

_LAST_WORDS = 5.0  # Seconds that a client has to answer the close 1009 before its connection is cut.

type Send = Callable[[Any], Awaitable[None]]


class Stalled(Exception):
    """A websocket has taken nothing for the send timeout."""


class Wire:
    """The server's side of one request or websocket, as far as it can be reached."""

    __slots__ = ("_send", "_stream", "_timeout", "_transport", "next_ping")

    def __init__(self, send: Send, send_timeout: float) -> None:
        """`send_timeout`, in seconds: how long a socket may take nothing of what waits for it."""
        self.next_ping = 0.0  # For who pings; by the loop's clock.
        self._send = send
        self._timeout = send_timeout
        stream = getattr(send, "__self__", None)
        self._stream = stream if isinstance(stream, WSStream | HTTPStream) else None
        self._transport = _transport(self._stream)

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
        handle = self._transport.get_extra_info("socket") if self._transport and self._is_websocket else None
        if handle is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            # Later than we would close it ourselves, with 1013, for not reading.
            wait = round(3000 * self._timeout)
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, wait)

    def ping(self) -> None:
        """Ping the websocket (RFC 6455, 5.5.2), between two frames as every write is; not one that is behind already.

        hypercorn's own pings cost a task a connection, and hold a closed connection, and so a shutdown, until the next
        one is due.
        """
        connection = getattr(self._stream, "connection", None) if self._is_websocket else None
        if connection is None or self._transport is None or self._transport.is_closing():
            return
        if connection.state is ConnectionState.OPEN and not self._transport.get_write_buffer_size():
            self._transport.write(_PING)

    @property
    def _is_websocket(self) -> bool:
        return isinstance(self._stream, WSStream)

    def shutdown(self) -> Callable[[], Awaitable[None]] | None:
        """What to await to hear that the server is asked to stop; None when it can't be heard.

        hypercorn tells applications only after every connection has ended, which ours would never do by themselves.
        """
        context = getattr(self._stream, "context", None)
        return context.terminated.wait if isinstance(context, WorkerContext) else None

    async def send(self, message: Any) -> None:
        """ASGI's send, for as long as the socket takes something now and then.

        A websocket's message raises Stalled after the timeout, so that the connection can be closed with its reason.
        Anything else, that close included, ends the connection by force.
        """
        try:
            await self._send_while_it_moves(message)
        except TimeoutError:
            if message["type"] == "websocket.send":
                raise Stalled from None
            self.cut()

    async def _send_while_it_moves(self, message: Any) -> None:
        loop = asyncio.get_running_loop()
        moved = loop.time()
        left: int | None = None

        timer: asyncio.TimerHandle

        def look() -> None:
            nonlocal moved, left, timer
            now, before, left = loop.time(), left, self.unsent()
            if before is not None and left is not None and left < before:
                moved = now
            if now - moved < self._timeout:
                timer = loop.call_later(every, look)
            else:
                deadline.reschedule(now)

        every = self._timeout / 4
        timer = loop.call_later(every, look)
        async with asyncio.timeout(None) as deadline:
            try:
                await self._send(message)
            finally:
                timer.cancel()

    def unsent(self) -> int | None:
        """Bytes that the socket has not taken yet; None when that can't be known."""
        return None if self._transport is None else self._transport.get_write_buffer_size()

    def cut(self) -> None:
        """End the connection without waiting for what is unsent."""
        if self._transport is not None:
            self._transport.abort()


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


def _transport(stream: WSStream | HTTPStream | None) -> Transport | None:
    protocol = getattr(getattr(stream, "send", None), "__self__", None)
    if not isinstance(protocol, H11Protocol):
        return None  # HTTP/2 has its own framing and flow control, and many streams a transport.
    server = getattr(protocol.send, "__self__", None)
    if not isinstance(server, TCPServer):
        return None
    transport = server.writer.transport
    return transport if isinstance(transport, Transport) else None
