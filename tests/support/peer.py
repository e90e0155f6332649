"""The other end of a websocket, which keeps to RFC 6455 or breaks it on purpose, and sees how the hub takes it."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from tests.support.raw_socket import CLOSE, TEXT, Frame, RawSocket, frame

CONTINUATION = 0x0
LIMIT = 98_304  # Of a message: bytes, or characters of a text.


def close_frame(code: int, reason: bytes = b"") -> bytes:
    """A client's close frame (5.5.1)."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


def fragments(payload: bytes, size: int, opcode: int = TEXT) -> list[bytes]:
    """The message in frames of `size` bytes each, the last perhaps of less (5.4)."""
    parts = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    last = len(parts) - 1
    return [frame(CONTINUATION if at else opcode, part, fin=at == last) for at, part in enumerate(parts)]


class Peer(RawSocket):
    """A raw socket that knows what a websocket may answer."""

    async def request(self, head: bytes) -> tuple[int, dict[str, str]]:
        """Send an HTTP request and return the status and the header fields, in lower case, of the answer."""
        await self.send(head)
        first, *fields = (await self.until(b"\r\n\r\n")).decode().rstrip().split("\r\n")
        return int(first.split()[1]), {
            name.lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)
        }

    async def drip(self, data: bytes) -> None:
        """Send each byte in a segment of its own, until the other end wants no more."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):
            for byte in data:
                await self.send(bytes((byte,)))
                await asyncio.sleep(0)

    async def pour(self, data: bytes, times: int, *, within: float = 10) -> int:
        """Send it so often, and return how often it was taken before the connection ended or took no more."""
        for number in range(times):
            try:
                await self.send(data, within=within)
            except (ConnectionError, TimeoutError):
                return number
        return times

    async def heard(self, kind: str, count: int) -> list[dict[str, Any]]:
        """The next messages of that type, in however many frames; what else comes is passed over."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            found += [message for message in await self.messages() if message["type"] == kind]
        return found

    async def still_answers(self) -> None:
        """The connection is as alive as it was."""
        await self.say({"type": "ping", "ref": "still there?"})
        assert (await self.message("pong"))["ref"] == "still there?"

    async def ended(self) -> tuple[list[Frame], Frame]:
        """How it ends: the frames before the close frame, and the close frame, after which nothing may come.

        Raises EOFError when the connection ends without a close frame.
        """
        before: list[Frame] = []
        while (found := await self.frame()).opcode != CLOSE:
            before.append(found)
        with contextlib.suppress(ConnectionError):  # The server closes at once where it is the one that failed.
            await self.send(close_frame(1000))
        assert await self.rest() == b"", "something followed the close frame"
        return before, found

    async def failed_with(self) -> int:
        """The code with which the server failed the connection (7.1.7); no message may come before."""
        before, close = await self.ended()
        assert before == []
        return close.code

    async def answered(self, *sent: bytes) -> int:
        """Send that, and return the code with which the server then fails the connection."""
        await self.send(b"".join(sent))
        return await self.failed_with()

    async def opened(self) -> Self:
        """The handshake done, and the hub's first message read."""
        await self.upgrade()
        await self.message("welcome")
        return self


@asynccontextmanager
async def talking(port: int) -> AsyncIterator[Peer]:
    """An open websocket of the hub at that port."""
    async with Peer(port) as peer:
        yield await peer.opened()
