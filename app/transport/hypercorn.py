"""What the server underneath lets us do beyond ASGI: have its transport, answer in one write, decline compression, hear
of a shutdown, cut.

Under hypercorn's asyncio workers the `send` that an application gets leads, step by step and each step checked, to
the server's own objects. Under any other server every answer is the harmless one, and plain ASGI is used.
"""

import asyncio
import socket
from asyncio import StreamWriter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from time import time
from typing import Any, cast

from h11 import DONE, SEND_BODY, SEND_RESPONSE, Connection, Data, EndOfMessage, Response
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.logging import Logger
from hypercorn.protocol.events import StreamClosed
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.http_stream import ASGIHTTPState, HTTPStream
from hypercorn.protocol.ws_stream import WSStream

from app.model.batch import Form
from app.transport.encoding import CHUNKED
from app.transport.incoming import BoundedConnection, guard
from app.transport.sink import Body, ChunkSink, PlainSink, Sink
from app.transport.stall import Movement
from app.transport.websocket import Owner, Websocket

type Receive = Callable[[], Awaitable[Any]]
type Send = Callable[[Any], Awaitable[None]]


class ClientGone(ConnectionError):
    """The client is not there any more."""


class Stalled(ConnectionError):
    """The other side has taken nothing for the send timeout."""


class Wire(Movement):
    """The server's side of one request or websocket, as far as it can be reached."""

    __slots__ = ("_protocol", "_send", "_sink", "_stream", "_timeout", "_writer", "_written", "receive", "websocket")

    def __init__(self, receive: Receive, send: Send, send_timeout: float) -> None:
        """`send_timeout`, in seconds: how long the other side may take nothing of what waits for it."""
        super().__init__()
        self.receive = receive
        self.websocket: Websocket | None = None
        self._send = send
        self._timeout = send_timeout
        self._sink: Sink | None = None
        self._written = 0
        stream = getattr(send, "__self__", None)
        self._stream = stream if isinstance(stream, WSStream | HTTPStream) else None
        self._protocol, self._writer = _reach(self._stream)

    def take_over(self, owner: Owner) -> Websocket | None:
        """The websocket's transport, to be called right after its accept and in the same step; None where it can't be
        reached. The server takes the connection for ended: what it says of that goes nowhere.

        Raises ClientGone when there was no handshake after all.
        """
        if self._writer is None or not isinstance(self._stream, WSStream):
            return None
        if self._stream.closed:
            raise ClientGone  # The client left, or sent data before it was answered, which hypercorn refuses by itself.
        transport = cast(asyncio.Transport, self._writer.transport)  # It reads as well.
        before = transport.get_protocol()
        if transport.is_closing():
            raise ClientGone
        connection = self._stream.connection  # Ours by `guard`, and nobody else's from now on.
        if not isinstance(before, asyncio.StreamReaderProtocol) or not isinstance(connection, BoundedConnection):
            return None
        self.websocket = Websocket(transport, connection, owner, self._stream.buffer.max_length)
        transport.set_protocol(self.websocket)
        # The server's last words go nowhere; nor does the writer, when it is collected, close what is not its own.
        self._writer._transport = _NOWHERE  # type: ignore[attr-defined]
        self._stream.closed = True
        before.connection_lost(None)
        self._notice_death(transport)
        return self.websocket

    def body(self, form: Form, on_failure: Callable[[], None]) -> Body:
        """Where to write the body of a streamed answer, once its head and all that goes before are sent.

        `on_failure` is called where only then it is found that nothing can be sent any more.
        """
        connection = self._protocol.connection if self._protocol is not None else None
        # h11 frames it in chunks for a client that understands them; one of HTTP/1.0 gets it raw.
        if (
            self._writer is not None
            and isinstance(connection, Connection)
            and connection.our_state is SEND_BODY
            and connection.their_http_version == b"1.1"
        ):
            sink: Body = ChunkSink(self._writer, connection, CHUNKED[form])
        else:
            sink = PlainSink(self.send, form, _body_message, b"", on_failure)
        self._sink = sink
        return sink

    async def send(self, message: Any) -> None:
        """ASGI's send. Raises Stalled where only waiting shows that the other side takes nothing."""
        if self.websocket is not None:
            return  # What the framework says at the end of a request that is over for it.
        if self._writer is not None:
            self._written += len(message.get("body") or message.get("text") or "")
            await self._send(message)
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._send(message)
        except TimeoutError:
            raise Stalled from None

    @property
    def is_request_complete(self) -> bool:
        """Has the whole request been received, its body too? False where that can't be told."""
        connection = self._protocol.connection if self._protocol is not None else None
        return isinstance(connection, Connection) and connection.their_state is DONE

    async def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        """A whole answer to a request with a body of its own: in one write where the transport can be had, and past the
        server's four steps for each of its parts; else as ASGI's two messages."""
        stream, protocol, writer = self._stream, self._protocol, self._writer
        if isinstance(stream, HTTPStream) and protocol is not None and writer is not None:
            whole = _encoded(protocol, stream, status, headers, body)
            if whole is not None:
                self._written += len(whole)
                stream.state = ASGIHTTPState.CLOSED
                with suppress(ConnectionError, RuntimeError):  # The client has left, and the server will find out.
                    writer.write(whole)
                    await writer.drain()
                await stream.send(StreamClosed(stream_id=stream.stream_id))
                return
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    def is_stalled(self, now: float) -> bool:
        """Has the socket taken nothing of what waits for it for the send timeout? To be asked every now and then."""
        if self._writer is None:
            return False
        waiting = self._writer.transport.get_write_buffer_size()
        written = self._written + (self._sink.written if self._sink is not None else 0)
        return self._has_stalled(now, self._timeout, waiting, written)

    def cut(self) -> None:
        """End the connection without waiting for what is unsent."""
        if self._writer is not None:
            self._writer.transport.abort()

    def guard(self) -> None:
        """Bound what a websocket's client sends, and decline compression; before the websocket is accepted."""
        guard(self._stream, self.cut)

    def shutdown(self) -> Callable[[], Awaitable[None]] | None:
        """What to await to hear that the server is asked to stop; None when it can't be heard.

        hypercorn tells applications only after every connection has ended, which ours would never do by themselves.
        """
        context = getattr(self._stream, "context", None)
        return context.terminated.wait if isinstance(context, WorkerContext) else None

    def _notice_death(self, transport: asyncio.WriteTransport) -> None:
        """Let the kernel end a websocket whose peer acknowledges nothing any more: a closed lid says no goodbye."""
        handle = transport.get_extra_info("socket")
        if handle is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            # Later than we would close it ourselves, with 1013, for not reading.
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(3000 * self._timeout))


class _Nowhere(asyncio.Transport):
    """Where the server writes to a connection that is ours."""

    def is_closing(self) -> bool:
        return True

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: Any) -> None:
        pass

    def write_eof(self) -> None:
        pass

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


_NOWHERE = _Nowhere()


def _reach(stream: WSStream | HTTPStream | None) -> tuple[H11Protocol | None, StreamWriter | None]:
    protocol = getattr(getattr(stream, "send", None), "__self__", None)
    if not isinstance(protocol, H11Protocol):
        return None, None  # HTTP/2 has its own framing and flow control, and many streams a transport.
    server = getattr(protocol.send, "__self__", None)
    if not isinstance(server, TCPServer) or not isinstance(server.writer, StreamWriter):
        return None, None
    return protocol, server.writer


def _encoded(
    protocol: H11Protocol, stream: HTTPStream, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
) -> bytes | None:
    """The answer as h11 puts it; None where the server has more to do for it than to send it."""
    connection, config = protocol.connection, protocol.config
    if not isinstance(connection, Connection) or connection.our_state is not SEND_RESPONSE or stream.closed:
        return None
    if config.accesslog is not None or config.logger_class is not Logger:
        return None
    if protocol.keep_alive_requests >= config.keep_alive_max_requests:
        return None
    head = Response(status_code=status, headers=[*headers, *_servers_own(config, int(time()))])
    parts = (connection.send(event) for event in (head, Data(data=body), EndOfMessage()))
    return b"".join(part for part in parts if part)


@lru_cache(1)
def _servers_own(config: Config, _second: int) -> list[tuple[bytes, bytes]]:
    """The headers that the server adds, put together once a second: one of them is the date."""
    return config.response_headers("h11")


def _body_message(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}
