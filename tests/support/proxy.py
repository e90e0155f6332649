"""A TCP proxy that simulates the network between two programs: it forwards, cuts, refuses or swallows."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from tests.support.ports import HOST, free_port

CHUNK = 65_536


class Proxy:
    """One listening port in front of one target; it forwards until a method changes that.

    Swallowed bytes are lost, so a connection that lost bytes stays blocked in that direction until it is
    closed, as behind a firewall that dropped its state: no network delivers a stream with a gap.
    """

    def __init__(self, target_port: int, target_host: str = HOST) -> None:
        self.port = free_port()
        self._target = (target_host, target_port)
        self._server: asyncio.Server | None = None
        self._swallow = {"to_server": False, "to_client": False}
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.accepted = 0
        self.swallowed_bytes = 0

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.refuse()

    def url(self, through: str) -> str:
        """That URL, with this proxy's host and port."""
        parts = urlsplit(through)
        user, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user}{at}{HOST}:{self.port}"))

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return len(self._connections)

    async def pass_on(self) -> None:
        """Forward again, on connections that lost no bytes and on new ones."""
        self._swallow.update(to_server=False, to_client=False)
        if self._server is None:
            await self._listen()

    def swallow(self, *, to_server: bool = True, to_client: bool = True) -> None:
        """Drop the bytes in these directions; connections stay open and new ones are accepted."""
        self._swallow.update(to_server=to_server, to_client=to_client)

    async def cut(self) -> None:
        """Reset every open connection; new ones are accepted as before."""
        for writer in list(self._writers):
            writer.transport.abort()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def refuse(self) -> None:
        """Stop listening and reset every open connection, as if the server had ended."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.cut()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.accepted += 1
        self._connections.add(task)
        try:
            await self._forward(reader, writer)
        except asyncio.CancelledError:
            pass  # Only `cut` cancels it, and no task awaits a server's callback.
        finally:
            self._connections.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        target: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(5):
                answers, target = await asyncio.open_connection(*self._target)
            self._writers.add(target)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(reader, target, "to_server"))
                tasks.create_task(self._pump(answers, writer, "to_client"))
        except (OSError, TimeoutError):
            pass  # The target is gone or does not answer: the client sees its connection end.
        finally:
            for end in (writer, target):
                if end is not None:
                    self._writers.discard(end)
                    end.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, direction: str) -> None:
        swallowing = False
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(CHUNK):
                swallowing = swallowing or self._swallow[direction]
                if swallowing:
                    self.swallowed_bytes += len(chunk)
                    continue
                sink.write(chunk)
                await sink.drain()
            # An end of stream is forwarded like a byte, and swallowed like one.
            if not swallowing and not self._swallow[direction] and sink.can_write_eof():
                sink.write_eof()
