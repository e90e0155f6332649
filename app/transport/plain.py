"""The plain form of a sink: what is written is held within a bound and handed to ASGI's `send`, under any server."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from app.model.batch import Batch, Form
from app.transport.encoding import text
from app.transport.sink import HIGH, LOW

log = logging.getLogger("tidewire.live")

_MAX_MESSAGE_BYTES = 64 * 1024  # What one `send` carries, unless a single message is larger.


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
        except Exception as error:  # Each server has an error of its own for a client that has left.
            log.debug("A server refused what was written: %r", error)
            self.closed = True
            self._on_failure()
        finally:
            self._sending = None
            self._moved.set()

    def _take(self) -> tuple[list[bytes], int]:
        size = count = 0
        for message in self._held:
            if count and size + len(message) > _MAX_MESSAGE_BYTES:
                break
            size += len(message)
            count += 1
        part, self._held = self._held[:count], self._held[count:]
        return part, size


class PlainWebsocket(PlainSink):
    """A websocket's client behind ASGI alone; the task that serves its request receives for it."""

    def __init__(self, send: Callable[[Any], Awaitable[None]], on_failure: Callable[[], None]) -> None:
        """`on_failure` is called when the client takes nothing any more."""
        super().__init__(send, text, _text_message, b"\n", on_failure)
        self._receiving = asyncio.Event()
        self._receiving.set()
        self._closing: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    def pause(self) -> None:
        self._receiving.clear()

    def resume(self) -> None:
        self._receiving.set()

    def close(self, code: int, reason: str) -> None:
        if not self._closing.done():
            self.closed = True  # What was written before still goes.
            self._closing.set_result((code, reason))

    async def until_close(self) -> tuple[int, str]:
        """Return the code and the reason once `close` was called."""
        return await asyncio.shield(self._closing)

    async def until_resumed(self) -> None:
        """Return when it is not paused."""
        await self._receiving.wait()


def _text_message(message: bytes) -> dict[str, Any]:
    return {"type": "websocket.send", "bytes": None, "text": message.decode()}
