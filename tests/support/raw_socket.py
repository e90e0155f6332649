"""A raw TCP connection: it may send malformed bytes, and it reads only when the test does."""

import asyncio
import base64
import contextlib
import json
import os
import socket
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tests.support.ports import HOST
from tests.support.watcher import WS_PATH

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


@dataclass(frozen=True, slots=True)
class Frame:
    """A received websocket frame (RFC 6455, 5.2)."""

    opcode: int
    payload: bytes

    @property
    def code(self) -> int:
        """The status code of a close frame."""
        assert self.opcode == CLOSE, self
        return int(struct.unpack("!H", self.payload[:2])[0])


def frame(
    opcode: int,
    payload: bytes,
    *,
    fin: bool = True,
    masked: bool = True,
    mask: bytes | None = None,
    reserved: int = 0,
    length: int | None = None,
) -> bytes:
    """A client's frame as bytes; `reserved` holds RSV1 to RSV3 as 4, 2, 1, and `length` may claim more than there is.

    With a `mask` of zeros, bytes sent after a frame that claimed more are the rest of its payload.
    """
    size = len(payload) if length is None else length
    first = (0x80 if fin else 0) | reserved << 4 | opcode
    mask_bit = 0x80 if masked else 0
    if size < 126:
        head = struct.pack("!BB", first, mask_bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, mask_bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, size)
    if not masked:
        return head + payload
    mask = mask or os.urandom(4)
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    mixed = int.from_bytes(payload) ^ int.from_bytes(repeated)
    return head + mask + mixed.to_bytes(len(payload))


class RawSocket:
    """One connection to a port of the loopback address, as `async with RawSocket(port)`."""

    def __init__(self, port: int, *, receive_buffer: int | None = None, source: str = HOST) -> None:
        """With a small `receive_buffer` the other end's writes stall soon if the test does not read. `source` is the
        address that it connects from."""
        self._address = (HOST, port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.bind((source, 0))
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._buffer = bytearray()

    async def __aenter__(self) -> Self:
        async with asyncio.timeout(10):
            await asyncio.get_running_loop().sock_connect(self._socket, self._address)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    async def send(self, data: bytes, *, within: float = 10) -> None:
        async with asyncio.timeout(within):
            await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def send_message(self, message: dict[str, Any]) -> None:
        """Send one message of the protocol, as a text frame."""
        await self.send(frame(TEXT, json.dumps(message).encode()))

    def reset(self) -> None:
        """Close with a RST: unsent data is not delivered."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def shut(self) -> None:
        """Close the sending side; reading continues."""
        self._socket.shutdown(socket.SHUT_WR)

    async def upgrade(self, path: str = WS_PATH) -> None:
        """Complete the websocket handshake."""
        key = base64.b64encode(os.urandom(16)).decode()
        await self.send(
            f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: tidewire.v1\r\n\r\n".encode()
        )
        head = await self.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head

    async def until(self, end: bytes, *, within: float = 10) -> bytes:
        """The received bytes up to and including `end`."""
        async with asyncio.timeout(within):
            while (at := self._buffer.find(end)) < 0:
                await self._fill()
        return self._take(at + len(end))

    async def rest(self, *, within: float = 10) -> bytes:
        """All bytes until the other end closes or resets."""
        async with asyncio.timeout(within):
            with contextlib.suppress(EOFError, ConnectionError):
                while True:
                    await self._fill()
        return self._take(len(self._buffer))

    async def frame(self, *, within: float = 10) -> Frame:
        """The next frame that is not a ping. Raises EOFError or ConnectionError at the connection's end."""
        async with asyncio.timeout(within):
            while True:
                first, second = await self._exactly(2)
                assert first & 0xF0 == 0x80 and second & 0x80 == 0, f"a server's frame begins {first:02x} {second:02x}"
                size = second
                if second == 126:
                    size = struct.unpack("!H", await self._exactly(2))[0]
                elif second == 127:
                    size = struct.unpack("!Q", await self._exactly(8))[0]
                payload = await self._exactly(size)
                if first & 0xF != PING:
                    return Frame(first & 0xF, payload)

    async def messages(self, *, within: float = 10) -> list[dict[str, Any]]:
        """The messages of the next frame, which has to be a text."""
        found = await self.frame(within=within)
        assert found.opcode == TEXT, found
        return [json.loads(line) for line in found.payload.decode().split("\n")]

    async def message(self, kind: str, *, within: float = 10) -> dict[str, Any]:
        """The next message of that type; others are skipped."""
        async with asyncio.timeout(within):
            while True:
                for message in await self.messages(within=within):
                    if message["type"] == kind:
                        return message

    async def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._fill()
        return self._take(size)

    async def _fill(self) -> None:
        data = await asyncio.get_running_loop().sock_recv(self._socket, 262_144)
        if not data:
            raise EOFError("the other end has closed")
        self._buffer += data

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken
