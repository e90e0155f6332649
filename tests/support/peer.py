"""The client's end of a websocket, which follows or violates RFC 6455, and reads the hub's responses."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from tests.support.raw_socket import CLOSE, TEXT, Frame, RawSocket, frame

CONTINUATION = 0x0
LIMIT = 98_304  # The limit of a message: bytes, or characters of a text.


def close_frame(code: int, reason: bytes = b"") -> bytes:
    """A client's close frame (5.5.1)."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


def fragments(payload: bytes, size: int, opcode: int = TEXT) -> list[bytes]:
    """The message in frames of `size` bytes each; the last may be smaller (5.4)."""
    parts = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    last = len(parts) - 1
    return [frame(CONTINUATION if at else opcode, part, fin=at == last) for at, part in enumerate(parts)]


class Peer(RawSocket):
    """A raw socket with checks of what a websocket server may send."""

    async def request(self, head: bytes) -> tuple[int, dict[str, str]]:
        """Send an HTTP request and return the status and the header fields, in lower case, of the answer."""
        await self.send(head)
        first, *fields = (await self.until(b"\r\n\r\n")).decode().rstrip().split("\r\n")
        return int(first.split()[1]), {
            name.lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)
        }

    async def drip(self, data: bytes) -> None:
        """Send each byte in its own segment, until the other end closes the connection."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):
            for byte in data:
                await self.send(bytes((byte,)))
                await asyncio.sleep(0)

    async def pour(self, data: bytes, times: int, *, within: float = 10) -> int:
        """Send the data `times` times; return how often it was accepted before the connection ended or stalled."""
        for number in range(times):
            try:
                await self.send(data, within=within)
            except (ConnectionError, TimeoutError):
                return number
        return times

    async def received(self, kind: str, count: int) -> list[dict[str, Any]]:
        """The next `count` messages of that type, in any number of frames; other messages are skipped."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            found += [message for message in await self.messages() if message["type"] == kind]
        return found

    async def still_answers(self) -> None:
        """Check that the connection is open and the hub still answers."""
        await self.send_message({"type": "ping", "ref": "still there?"})
        assert (await self.message("pong"))["ref"] == "still there?"

    async def ended(self) -> tuple[list[Frame], Frame]:
        """Wait for the end; return the frames before the close frame, and the close frame. No byte may follow it.

        Raises EOFError when the connection ends without a close frame.
        """
        before: list[Frame] = []
        while (found := await self.frame()).opcode != CLOSE:
            before.append(found)
        with contextlib.suppress(ConnectionError):  # A server that fails the connection closes at once.
            await self.send(close_frame(1000))
        assert await self.rest() == b"", "something followed the close frame"
        return before, found

    async def failed_with(self) -> int:
        """The code with which the server failed the connection (7.1.7); no message may precede it."""
        before, close = await self.ended()
        assert before == []
        return close.code

    async def answered(self, *sent: bytes) -> int:
        """Send the bytes, and return the code with which the server then fails the connection."""
        await self.send(b"".join(sent))
        return await self.failed_with()

    async def opened(self) -> Self:
        """Complete the handshake and receive the welcome."""
        await self.upgrade()
        await self.message("welcome")
        return self


@asynccontextmanager
async def talking(port: int) -> AsyncIterator[Peer]:
    """An open websocket to the hub at that port, after the welcome."""
    async with Peer(port) as peer:
        yield await peer.opened()
