"""Drives one generator process: a command per line to it, a JSON reply per command from it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.failure import Failure
from benchmarks.generator.build import built

type Field = tuple[str, str | float]
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_REPLY_TIMEOUT_S = 150.0  # The generator's own timeouts are shorter; this one is for a generator that hangs.
_STOP_TIMEOUT_S = 10.0


class Generator(asyncio.SubprocessProtocol):
    """Commands may overlap. The first violated invariant fails all of them."""

    def __init__(self) -> None:
        self._data = b""
        self._waiting: dict[int, asyncio.Future[dict[str, float]]] = {}
        self._next = 1
        self._failure: Failure | None = None
        self._ended = asyncio.Event()
        self._transport: asyncio.SubprocessTransport

    async def command(self, verb: str, fields: Iterable[Field] = ()) -> dict[str, float]:
        """Send a command and return its reply. Raises Failure."""
        if self._failure is not None:
            raise self._failure
        number, self._next = self._next, self._next + 1
        reply: asyncio.Future[dict[str, float]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        line = "\t".join([verb, f"id={number}", *(f"{key}={_escaped(value)}" for key, value in fields)])
        pipe = self._transport.get_pipe_transport(0)
        assert isinstance(pipe, asyncio.WriteTransport)
        pipe.write(line.encode() + b"\n")
        try:
            async with asyncio.timeout(_REPLY_TIMEOUT_S):
                return await reply
        finally:
            del self._waiting[number]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        *lines, self._data = (self._data + data).split(b"\n")
        for line in lines:
            reply: dict[str, Any] = json.loads(line)
            if "failure" in reply:
                self._fail(str(reply["failure"]))
            elif (waiting := self._waiting.get(reply.pop("id"))) is not None and not waiting.done():
                waiting.set_result(reply)

    def process_exited(self) -> None:
        self._fail(f"the load generator ended with {self._transport.get_returncode()}")
        self._ended.set()

    async def close(self) -> None:
        """End the process and thereby all its connections."""
        if self._transport.get_returncode() is None:
            self._transport.kill()
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await self._ended.wait()
        self._transport.close()

    def _fail(self, reason: str) -> None:
        self._failure = self._failure or Failure(reason)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(self._failure)


@asynccontextmanager
async def generator() -> AsyncIterator[Generator]:
    """Start a generator, and end its process on exit. Raises NoCompiler."""
    program = await asyncio.to_thread(built)
    _, running = await asyncio.get_running_loop().subprocess_exec(Generator, str(program), stderr=None)
    try:
        yield running
    finally:
        await running.close()


def _escaped(value: str | float) -> str:
    return value.translate(_ESCAPES) if isinstance(value, str) else f"{value:.12g}"
