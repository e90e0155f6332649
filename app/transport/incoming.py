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
_WHOLE_TEXT, _MASKED, _TWO_BYTES, _EIGHT_BYTES = 0x81, 0x80, 126, b"\xff"  # Of a frame's head (RFC 6455, 5.2).
_HELD = 4096  # Bytes: a message that comes byte by byte is put together again at each.
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
        self._held = b""
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

    def take_texts(self, data: bytes, most: int) -> tuple[list[str], bytes]:
        """The messages that the data begins with, as far as each is a whole text of up to `most` bytes in one frame,
        and the rest, which is for `receive_data`. Of a small one that is still coming, what came is held back for the
        next time.

        Nearly every message is such a one, and here it costs a fifth of what it costs wsproto.
        """
        if self._held:
            data, self._held = self._held + data, b""
        texts: list[str] = []
        at, end = 0, len(data)
        while at < end and self._is_between_messages:
            size, begin = data[at + 1] - _MASKED if at + 1 < end else 0, at + 2
            if size == _TWO_BYTES:
                size, begin = int.from_bytes(data[at + 2 : at + 4]), at + 4
                if size < _TWO_BYTES and begin <= end:
                    break  # It fits in one byte (5.2), and wsproto says so.
            if data[at] != _WHOLE_TEXT or not 0 <= size <= most or data[at + 1 : at + 2] == _EIGHT_BYTES:
                break
            after = begin + 4 + size
            if after > end:
                if size <= _HELD:
                    self._held, at = data[at:], end
                break
            text = _unmasked(data[begin : begin + 4], data[begin + 4 : after])
            if text is None:
                break
            texts.append(text)
            at = after
        return texts, data[at:]

    @property
    def _is_between_messages(self) -> bool:
        """Has wsproto nothing begun? Where a release keeps that elsewhere, it is asked for every message."""
        try:
            frames, messages = self._proto._frame_decoder, self._proto._message_decoder
            begun = len(frames.buffer) or frames.header is not None or messages.opcode is not None
        except AttributeError:
            return False
        return not begun and self.state is ConnectionState.OPEN

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


def _unmasked(mask: bytes, payload: bytes) -> str | None:
    """The text (5.3), None for what is not UTF-8."""
    size = len(payload)
    plain = int.from_bytes(payload) ^ int.from_bytes((mask * (size // 4 + 1))[:size])
    try:
        return plain.to_bytes(size).decode()
    except UnicodeDecodeError:
        return None


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
