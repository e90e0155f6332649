"""What a websocket's client sends is bounded, whatever it sends, and a connection that fails says why first.

The server underneath parses the frames. This puts our own objects in the place of the two that it made for one
connection, before the handshake is answered; nothing is patched, and whatever is not as expected is left alone.
"""

import asyncio
from collections.abc import Callable, Generator, Iterable
from time import monotonic
from typing import Any

from hypercorn.protocol.ws_stream import FrameTooLargeError, Handshake, WebsocketBuffer, WSStream
from wsproto.connection import SERVER, Connection, ConnectionState
from wsproto.events import CloseConnection, Event, Message
from wsproto.frame_protocol import CloseReason

_LAST_WORDS = 5.0  # Seconds that a client has to answer the close 1009 before its connection is cut.

# Frames that bring no message, control frames and small fragments, are parsed for nothing, at 5 to 10 µs for as little
# as six bytes: beyond so many in so many seconds their sender is let go. Who means well stays far below.
_IDLE_FRAMES = 1000
_IDLE_SECONDS = 10.0
_SMALL = 125  # Bytes: the largest payload of a control frame (RFC 6455, 5.5).


def guard(stream: object, cut: Callable[[], None]) -> None:
    """Before a websocket is accepted: decline compression, bound what comes, and let it be failed with a close frame.

    `cut` ends the connection at once. Whatever is not hypercorn's own websocket, just begun, is left as it is.
    """
    if isinstance(stream, WSStream) and type(stream.handshake) is Handshake and type(stream.buffer) is WebsocketBuffer:
        stream.handshake = _Handshake(list(stream.scope["headers"]), stream.scope["http_version"])
        stream.buffer = _BoundedMessage(stream.buffer.max_length, cut)


class _Handshake(Handshake):
    """An opening handshake that leads to our connection, and never to permessage-deflate: a compressor a connection
    costs up to 300 KiB and the sharing of encoded bytes, and hypercorn accepts it from every client that offers it."""

    def accept(
        self, subprotocol: str | None, additional_headers: Iterable[tuple[bytes, bytes]]
    ) -> tuple[int, list[tuple[bytes, bytes]], Connection]:
        self.extensions = None
        status, headers, _ = super().accept(subprotocol, additional_headers)
        return status, headers, BoundedConnection(SERVER)


class BoundedConnection(Connection):
    """The protocol's state for one client. Whatever failed, its events end with a close to be answered with a reason:
    that of the protocol (1002), of UTF-8 (1007), or of a flood (1008). After our own close only a close is heard."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._frame_size = 0
        self._idle_frames = 0
        self._idle_since = 0.0

    def events(self) -> Generator[Event]:
        for event in super().events():
            if isinstance(event, CloseConnection):
                self._fail()
                yield event
            elif self._is_one_too_many(event):
                self._fail()
                yield CloseConnection(CloseReason.POLICY_VIOLATION, "too many small frames")
                return
            elif self.state is ConnectionState.OPEN:
                yield event
            # What comes after our own close is nobody's (RFC 6455, 5.5.1); hypercorn would take in one frame of each
            # read and keep the rest.

    def _fail(self) -> None:
        """wsproto reports its own failure as a close by the client, yet in state OPEN; hypercorn answers a close, and
        so says the reason, in this state alone."""
        if self.state is ConnectionState.OPEN:
            self._state = ConnectionState.REMOTE_CLOSING

    def _is_one_too_many(self, event: Event) -> bool:
        """Count a frame that brought no message."""
        if isinstance(event, Message):
            self._frame_size += len(event.data)
            if not event.frame_finished:
                return False
            size, self._frame_size = self._frame_size, 0
            if size > _SMALL or (event.message_finished and self.state is ConnectionState.OPEN):
                return False
        self._idle_frames += 1
        if self._idle_frames <= _IDLE_FRAMES:
            return False
        now = monotonic()
        before, self._idle_since, self._idle_frames = self._idle_since, now, 1
        return now - before < _IDLE_SECONDS


class _BoundedMessage(WebsocketBuffer):
    """The message that is coming in. Over the limit nothing is kept of it: hypercorn answers 1009, and whoever does not
    take its leave then is cut off."""

    def __init__(self, max_length: int, cut: Callable[[], None]) -> None:
        super().__init__(max_length)
        self._cut = cut

    def extend(self, event: Message[Any]) -> None:
        try:
            super().extend(event)
        except FrameTooLargeError:
            self.clear()
            asyncio.get_running_loop().call_later(_LAST_WORDS, self._cut)
            raise
