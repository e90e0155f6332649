"""The client's side of a websocket by hand (RFC 6455), so cheap that the hub is what is measured."""

import base64
import secrets
from collections.abc import Iterator

TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A  # Whole, unfragmented messages.


class BrokenFrame(Exception):
    """What came is no frame that the hub may send here."""


def handshake(host: str, port: int) -> bytes:
    """The opening request; like every browser it offers compression."""
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    return (
        f"GET /api/v1/ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: tidewire.v1\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
    ).encode()


def masked(payload: bytes, opcode: int = TEXT) -> bytes:
    """A client's frame. Its mask is zero, which leaves the payload as it is and costs the client nothing."""
    size = len(payload)
    if size < 126:
        head = bytes((opcode, 0x80 | size))
    elif size < 65536:
        head = bytes((opcode, 0x80 | 126)) + size.to_bytes(2)
    else:
        head = bytes((opcode, 0x80 | 127)) + size.to_bytes(8)
    return head + b"\0\0\0\0" + payload


def whole_frames(data: bytes, begin: int = 0) -> Iterator[tuple[int, int, int]]:
    """The whole frames in `data`, each as its first byte and where its payload begins and ends.

    Raises BrokenFrame for what is masked, fragmented or compressed.
    """
    at, size = begin, len(data)
    while size - at >= 2:
        first, length = data[at], data[at + 1]
        start = at + 2
        if length == 126:
            start = at + 4
            length = int.from_bytes(data[at + 2 : start])
        elif length == 127:
            start = at + 10
            length = int.from_bytes(data[at + 2 : start])
        at = start + length
        if start > size or at > size:
            return
        if first not in (TEXT, CLOSE, PING, PONG):
            raise BrokenFrame(f"a frame that begins with {first:#04x}")
        yield first, start, at
