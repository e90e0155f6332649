"""What the attacks are made of: connections from an address of their own, and requests written by hand."""

import asyncio
import contextlib
import json
from collections.abc import Coroutine
from typing import Any

ADDRESS = "127.0.0.2"  # Linux has all of 127.0.0.0/8: the hub sees a visitor that is not the honest clients.
LOBBY = "/api/v1/channels/lobby/updates"


class Visitor:
    """One hostile visitor of the hub at a port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: list[asyncio.StreamWriter] = []

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that stays open until the visitor's end. Raises OSError."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(ADDRESS, 0), limit=4096)
        self._open.append(writer)
        return reader, writer

    async def send(self, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection on which this was sent. Raises OSError."""
        reader, writer = await self.connect()
        writer.write(data)
        return reader, writer

    async def ask(self, data: bytes, within: float = 30.0) -> bytes:
        """Send a request, and return all of the answer, up to 100 MB. Raises OSError or TimeoutError."""
        reader, writer = await self.send(data)
        self._open.remove(writer)
        size, last = 0, b""
        try:
            async with asyncio.timeout(within):
                while part := await reader.read(262_144):
                    size, last = size + len(part), last or part
                    if size > 100_000_000:
                        break
        finally:
            writer.transport.abort()
        return last

    def close(self) -> None:
        """End every connection."""
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()


async def together(*work: Coroutine[Any, Any, object]) -> None:
    """All of it at once; what the hub refuses or cuts is no failure of an attack."""
    await asyncio.gather(*(_tried(each) for each in work))


async def _tried(work: Coroutine[Any, Any, object]) -> None:
    with contextlib.suppress(OSError, EOFError, TimeoutError):
        await work


def get(path: str, *more: str) -> bytes:
    """A GET that ends the connection."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *more, "", ""]).encode()


def post(path: str, body: bytes, length: int | None = None) -> bytes:
    """A POST of JSON that ends the connection; `length` may claim more than there is."""
    head = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", "Content-Type: application/json"]
    return "\r\n".join([*head, f"Content-Length: {length or len(body)}", "", ""]).encode() + body


def batch(count: int, **fields: object) -> bytes:
    """A batch of that many equal updates."""
    return json.dumps({"updates": [fields] * count}).encode()
