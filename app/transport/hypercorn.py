"""What a request reaches of hypercorn, h11 and wsproto inside; `pyproject.toml` pins the three for it. One more file
knows hypercorn inside: `app/server/connection.py`, for a connection before its first request.

Under hypercorn's asyncio workers the `send` that an application gets leads, step by step and each step checked, to the
server's own objects. For one connection some of them are replaced by ours.
"""

import asyncio
import socket
from asyncio import StreamWriter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, cast

from h11 import DONE, SEND_BODY, SEND_RESPONSE, Data, EndOfMessage, Response
from h11 import Connection as HttpConnection
from hypercorn.asyncio.lifespan import Lifespan
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.config import Config
from hypercorn.logging import Logger
from hypercorn.protocol.events import StreamClosed
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.http_stream import ASGIHTTPState, HTTPStream
from hypercorn.protocol.ws_stream import FrameTooLargeError, Handshake, WebsocketBuffer, WSStream
from wsproto.connection import SERVER, Connection, ConnectionState
from wsproto.events import CloseConnection, Event, Message, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason

from app.model.batch import Form
from app.transport import frames
from app.transport.chunks import ChunkSink
from app.transport.discard import Discard
from app.transport.encoding import CHUNKED
from app.transport.errors import ClientGone
from app.transport.flood import Flood
from app.transport.text_frames import read_texts
from app.transport.websocket import Owner, Websocket

_CLOSE_TIMEOUT = 5.0  # Seconds that a client has to answer the close 1009 before its connection is cut.
_DISCARD = Discard()


def server_config(send: object) -> Config | None:
    """The configuration of the server behind a lifespan's `send`; None under any but hypercorn's asyncio workers, and
    where something between wraps `send`."""
    lifespan = getattr(send, "__self__", None)
    return lifespan.config if isinstance(lifespan, Lifespan) else None


def obstacle(send: object) -> str | None:
    """Why no connection of the server behind a lifespan's `send` can be reached; None where they can."""
    if server_config(send) is not None:
        return None
    name = f"{getattr(send, '__module__', '')}.{getattr(send, '__qualname__', send)}"
    return f"its send is {name}, which is not that of hypercorn's asyncio or uvloop worker"


def reach(send: object) -> "Reached | None":
    """What of the server can be reached from the `send` of a request or a websocket."""
    stream = getattr(send, "__self__", None)
    if not isinstance(stream, WSStream | HTTPStream):
        return None
    protocol = getattr(stream.send, "__self__", None)
    if not isinstance(protocol, H11Protocol):
        return None  # HTTP/2 has its own framing and flow control, and many streams a transport.
    server = getattr(protocol.send, "__self__", None)
    if not isinstance(server, TCPServer) or not isinstance(server.writer, StreamWriter):
        return None
    return Reached(stream, protocol, server.writer)


class Reached:
    """hypercorn's own objects under one request or websocket of HTTP/1.1."""

    __slots__ = ("_protocol", "_stream", "_writer")

    def __init__(self, stream: WSStream | HTTPStream, protocol: H11Protocol, writer: StreamWriter) -> None:
        self._stream, self._protocol, self._writer = stream, protocol, writer

    @property
    def transport(self) -> asyncio.WriteTransport:
        """The connection's transport, or after `take_over` one that drops all."""
        return self._writer.transport

    def take_over(self, owner: Owner, kernel_timeout: float) -> Websocket | None:
        """As `Wire.take_over`. The kernel ends the connection after that many seconds without an acknowledgement."""
        stream = self._stream
        if not isinstance(stream, WSStream):
            return None
        transport = cast(asyncio.Transport, self.transport)  # It reads as well.
        if stream.closed or transport.is_closing():
            raise ClientGone  # It left, or sent data before it was answered, which hypercorn refuses by itself.
        before, connection = transport.get_protocol(), stream.connection
        if not isinstance(before, asyncio.StreamReaderProtocol) or not isinstance(connection, BoundedConnection):
            return None
        websocket = Websocket(transport, connection, owner, stream.buffer.max_length)
        transport.set_protocol(websocket)
        # What the server still writes is dropped, and the writer, when it is collected, closes nothing.
        self._writer._transport = _DISCARD  # type: ignore[attr-defined]
        stream.closed = True
        before.connection_lost(None)
        handle = transport.get_extra_info("socket")
        if handle is not None and handle.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * kernel_timeout))
        return websocket

    def chunks(self, form: Form) -> ChunkSink | None:
        """Where to write the body of an answer that h11 sends in chunks; a client of HTTP/1.0 gets none."""
        connection = self._protocol.connection
        if not isinstance(connection, HttpConnection) or connection.their_http_version != b"1.1":
            return None
        if connection.our_state is not SEND_BODY:
            return None
        return ChunkSink(self._writer, connection, SEND_BODY, CHUNKED[form])

    @property
    def is_request_complete(self) -> bool:
        """As `Wire.is_request_complete`."""
        connection = self._protocol.connection
        return isinstance(connection, HttpConnection) and connection.their_state is DONE

    def encode(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bytes | None:
        """A whole answer as h11 puts it; None where the server has more to do for it than to send it."""
        protocol, config = self._protocol, self._protocol.config
        connection = protocol.connection
        if not isinstance(self._stream, HTTPStream) or not isinstance(connection, HttpConnection):
            return None
        if connection.our_state is not SEND_RESPONSE or self._stream.closed:
            return None
        if config.accesslog is not None or config.logger_class is not Logger:
            return None
        if protocol.keep_alive_requests >= config.keep_alive_max_requests:
            return None
        head = Response(status_code=status, headers=[*headers, *config.response_headers("h11")])
        parts = (connection.send(event) for event in (head, Data(data=body), EndOfMessage()))
        return b"".join(part for part in parts if part)

    async def answer(self, whole: bytes) -> None:
        """Write what `encode` returned, and end the request for the server."""
        stream = cast(HTTPStream, self._stream)
        stream.state = ASGIHTTPState.CLOSED
        with suppress(ConnectionError, RuntimeError):  # The client has left, and the server will find out.
            self._writer.write(whole)
            await self._writer.drain()
        await stream.send(StreamClosed(stream_id=stream.stream_id))

    def guard(self) -> None:
        """As `Wire.guard`."""
        guard(self._stream, self.transport.abort)

    def shutdown(self) -> Callable[[], Any]:
        """As `Wire.shutdown`."""
        return self._stream.context.terminated.wait


def guard(stream: object, cut: Callable[[], None]) -> None:
    """Before a websocket is accepted: decline compression, bound what its client sends, and make a failed connection
    close with the reason.

    `cut` ends the connection at once. Whatever is not hypercorn's own websocket, just begun, is left as it is.
    """
    if isinstance(stream, WSStream) and type(stream.handshake) is Handshake and type(stream.buffer) is WebsocketBuffer:
        stream.handshake = BoundedHandshake(list(stream.scope["headers"]), stream.scope["http_version"])
        stream.buffer = BoundedMessage(stream.buffer.max_length, cut)


class BoundedHandshake(Handshake):
    """An opening handshake that leads to our connection, and never to permessage-deflate: a compressor a connection
    costs up to 300 KiB and the sharing of encoded bytes, and hypercorn accepts it from every client that offers it."""

    def accept(
        self, subprotocol: str | None, additional_headers: Iterable[tuple[bytes, bytes]]
    ) -> tuple[int, list[tuple[bytes, bytes]], Connection]:
        self.extensions = None
        status, headers, _ = super().accept(subprotocol, additional_headers)
        return status, headers, BoundedConnection(SERVER)


class BoundedMessage(WebsocketBuffer):
    """The message that is coming in. Over the limit nothing is kept of it: hypercorn answers 1009, and a client that
    does not close then is cut off."""

    def __init__(self, max_length: int, cut: Callable[[], None]) -> None:
        super().__init__(max_length)
        self._cut = cut

    def extend(self, event: Message[Any]) -> None:
        if isinstance(event.data, str) and not event.data.isascii():
            self.length += len(event.data.encode()) - len(event.data)  # hypercorn counts characters.
        try:
            super().extend(event)
        except FrameTooLargeError:
            self.clear()
            asyncio.get_running_loop().call_later(_CLOSE_TIMEOUT, self._cut)
            raise


class BoundedConnection(Flood, Connection):
    """wsproto's connection for hypercorn and, as a `frames.Parser`, for our Websocket.

    Whatever failed, its events end with a close that is to be answered with a reason: that of the protocol (1002), of
    UTF-8 (1007), or of a flood (1008). After our own close only a close is reported.
    """

    def __init__(self, *given: Any) -> None:
        Flood.__init__(self)
        Connection.__init__(self, *given)
        self._incomplete = b""

    def events(self) -> Generator[Event]:
        for event in super().events():
            if isinstance(event, CloseConnection):
                self._fail()
                yield event
            elif self._is_one_too_many(event):
                self._fail()
                yield CloseConnection(CloseReason.POLICY_VIOLATION, "too many small frames")
                return
            elif self.is_open:
                yield event
            # What follows our own close is dropped (RFC 6455, 5.5.1); hypercorn would take in one frame of each read
            # and keep the rest.

    @property
    def is_open(self) -> bool:
        return self._state is ConnectionState.OPEN

    def take_texts(self, data: bytes, max_bytes: int) -> tuple[list[str], bytes]:
        if self._incomplete:
            data, self._incomplete = self._incomplete + data, b""
        if not self._is_between_messages:
            return [], data
        texts, at, is_incomplete = read_texts(data, max_bytes)
        if is_incomplete:
            self._incomplete, at = data[at:], len(data)
        return texts, data[at:]

    def parse(self, data: bytes) -> Iterator[frames.Frame]:
        if self.state not in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING):
            return
        self.receive_data(data)
        for event in self.events():
            if isinstance(event, CloseConnection):
                yield frames.Close(self._close_answer(event))
                return
            if isinstance(event, Ping):
                yield frames.Ping(event.payload)
            elif isinstance(event, TextMessage):
                yield frames.Text(event.data, event.message_finished)
            elif isinstance(event, Message):
                yield frames.Binary(bytes(event.data), event.message_finished)

    def pong(self, payload: bytes) -> bytes:
        return self.send(Pong(payload))

    def close(self, code: int, reason: str) -> bytes:
        return self.send(CloseConnection(code, reason))

    @property
    def _is_between_messages(self) -> bool:
        """Has wsproto begun no message? Where a release keeps that elsewhere, it parses every message."""
        try:
            decoder, messages = self._proto._frame_decoder, self._proto._message_decoder
            begun = len(decoder.buffer) or decoder.header is not None or messages.opcode is not None
        except AttributeError:
            return False
        return not begun and self._state is ConnectionState.OPEN

    def _close_answer(self, event: CloseConnection) -> bytes:
        return self.send(event.response()) if self.state is ConnectionState.REMOTE_CLOSING else b""

    def _fail(self) -> None:
        """wsproto reports its own failure as a close by the client, yet in state OPEN; hypercorn answers a close, and
        so sends the reason, in this state alone."""
        if self.is_open:
            self._state = ConnectionState.REMOTE_CLOSING

    def _is_one_too_many(self, event: Event) -> bool:
        if isinstance(event, Message):
            ends_message = event.message_finished and self.is_open
            return self.add_data(len(event.data), ends_frame=event.frame_finished, ends_message=ends_message)
        return self.add_idle()
