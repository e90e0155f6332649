"""Where the live part writes: a connection's way out, in order and within a bound, whatever server is underneath.

A sink that reaches the socket writes at once, from any synchronous step. One that does not holds what is written,
within the same bound, and hands it to ASGI's `send`. Nothing above this file knows which of them it has.
"""

import asyncio
import logging
from asyncio import StreamWriter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

from h11 import SEND_BODY, Connection

from app.model.batch import Batch, Form
from app.transport.encoding import chunk, text

log = logging.getLogger("tidewire.live")

HIGH = 128 * 1024  # Bytes: a socket that more waits for is behind, and goes on when there are no more than LOW.
LOW = HIGH // 4
_AT_ONCE = 64 * 1024


class Sink(Protocol):
    """Whole messages, sent in the order in which they were written. Nothing is written once it is closed."""

    @property
    def closed(self) -> bool:
        """Is the connection over, or about to be?"""

    @property
    def written(self) -> int:
        """Bytes written so far."""

    def write(self, batch: Batch) -> bool:
        """Write the batch, whole. False when nothing of it was: the socket is behind, or closed."""

    def send(self, message: bytes) -> None:
        """Write one message that is no update, whatever waits already: who says much drains in between."""

    async def drain(self) -> None:
        """Return once there is room again, or the sink is closed."""


class Body(Sink, Protocol):
    """The body of a streamed answer, within the request that it answers."""

    async def finish(self) -> None:
        """Return once all that was written is on its way: what the server sends after that follows it."""

    def release(self) -> None:
        """The request is over. What is held for it is dropped."""


class Client(Sink, Protocol):
    """A websocket's client, whichever way it is reached."""

    def pause(self) -> None:
        """Hear no more of it for now."""

    def resume(self) -> None:
        """Hear it again."""

    def close(self, code: int, reason: str) -> None:
        """Close, after what was written."""


class ChunkSink:
    """Chunks of a streamed HTTP/1.1 answer whose head is sent, on the server's own transport."""

    __slots__ = ("_connection", "_form", "_over", "_transport", "_writer", "written")

    def __init__(self, writer: StreamWriter, connection: Connection, form: Form) -> None:
        self._writer = writer
        self._transport = writer.transport
        if not self._transport.is_closing():  # Or uvloop raises.
            self._transport.set_write_buffer_limits(HIGH, LOW)  # So that `drain` waits for what `write` refuses.
        self._over = False
        self._connection = connection
        self._form = form
        self.written = 0

    @property
    def closed(self) -> bool:
        # The state is not enough: by the next answer on the same connection it is as it was.
        return self._over or self._connection.our_state is not SEND_BODY or self._transport.is_closing()

    def write(self, batch: Batch) -> bool:
        if self._transport.get_write_buffer_size() > HIGH or self.closed:
            return False
        self._put(batch.encoded(self._form))
        return True

    def send(self, message: bytes) -> None:
        if not self.closed:
            self._put(chunk(message))

    async def drain(self) -> None:
        with suppress(OSError):
            await self._writer.drain()

    async def finish(self) -> None:
        pass  # It is on its way already.

    def release(self) -> None:
        self._over = True

    def _put(self, data: bytes) -> None:
        self.written += len(data)
        self._transport.write(data)


class PlainSink:
    """What is written goes to ASGI's `send` by a task that lives while there is something to send; what gathers
    meanwhile goes as one message."""

    def __init__(
        self,
        send: Callable[[Any], Awaitable[None]],
        form: Form,
        message: Callable[[bytes], dict[str, Any]],
        glue: bytes,
        on_failure: Callable[[], None],
    ) -> None:
        """`on_failure` is called when nothing can be sent any more."""
        self._send = send
        self._form = form
        self._message = message
        self._glue = glue
        self._on_failure = on_failure
        self._held: list[bytes] = []
        self._unsent = 0
        self._moved = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None
        self.closed = False
        self.written = 0

    def write(self, batch: Batch) -> bool:
        if self._unsent > HIGH or self.closed:
            return False
        self.send(batch.encoded(self._form))
        return True

    def send(self, message: bytes) -> None:
        if self.closed:
            return
        self._held.append(message)
        self._unsent += len(message)
        self.written += len(message)
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send_held())

    async def drain(self) -> None:
        if self._unsent <= HIGH:
            return
        while self._unsent > LOW and not self.closed:
            self._moved.clear()
            await self._moved.wait()

    async def finish(self) -> None:
        if self._sending is not None:
            await self._sending

    def release(self) -> None:
        self.closed = True
        self._moved.set()
        if self._sending is not None:
            self._sending.cancel()

    async def _send_held(self) -> None:
        try:
            while self._held:
                part, size = self._take()
                await self._send(self._message(self._glue.join(part)))
                self._unsent -= size
                self._moved.set()
        except Exception as error:  # Each server has its own for what can't be sent any more.
            log.debug("A server refused what was written: %r", error)
            self.closed = True
            self._on_failure()
        finally:
            self._sending = None
            self._moved.set()

    def _take(self) -> tuple[list[bytes], int]:
        size = count = 0
        for message in self._held:
            if count and size + len(message) > _AT_ONCE:
                break
            size += len(message)
            count += 1
        part, self._held = self._held[:count], self._held[count:]
        return part, size


class PlainWebsocket(PlainSink):
    """A websocket's client behind ASGI alone; the task that serves its request listens to it."""

    def __init__(self, send: Callable[[Any], Awaitable[None]], on_failure: Callable[[], None]) -> None:
        """`on_failure` is called when the client takes nothing any more."""
        super().__init__(send, text, _text_message, b"\n", on_failure)
        self._listening = asyncio.Event()
        self._listening.set()
        self._leaving: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    def pause(self) -> None:
        self._listening.clear()

    def resume(self) -> None:
        self._listening.set()

    def close(self, code: int, reason: str) -> None:
        if not self._leaving.done():
            self.closed = True  # What was written before still goes.
            self._leaving.set_result((code, reason))

    async def leave(self) -> tuple[int, str]:
        """The goodbye, when there is one."""
        return await asyncio.shield(self._leaving)

    async def may_listen(self) -> None:
        """Return when it is not paused."""
        await self._listening.wait()


def _text_message(message: bytes) -> dict[str, Any]:
    return {"type": "websocket.send", "bytes": None, "text": message.decode()}
