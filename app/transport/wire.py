"""What can be done with one request or websocket beyond ASGI, and plain ASGI where the server can't be reached."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from app.model.batch import Form
from app.transport import hypercorn
from app.transport.errors import Stalled
from app.transport.plain import PlainSink
from app.transport.sink import Body, Sink
from app.transport.stall import Movement
from app.transport.websocket import Owner, Websocket

# An answer before the request's body was received ends the connection, and says so (RFC 9112, 9.6).
_CLOSE = (b"connection", b"close")

type Receive = Callable[[], Awaitable[Any]]
type Send = Callable[[Any], Awaitable[None]]


class Wire:
    """The server's side of one request or websocket, as far as it can be reached.

    Under any server but hypercorn's asyncio workers every method is harmless, and what is sent goes by ASGI's `send`.
    """

    __slots__ = ("_movement", "_reached", "_send", "_sink", "_timeout", "_written", "receive", "websocket")

    def __init__(self, receive: Receive, send: Send, send_timeout: float) -> None:
        """`send_timeout`, in seconds: how long the client may take nothing of what waits for it."""
        self.receive = receive
        self.websocket: Websocket | None = None
        self._send = send
        self._timeout = send_timeout
        self._sink: Sink | None = None
        self._written = 0
        self._movement: Movement | None = None  # Most requests end before they are first checked.
        self._reached = hypercorn.reach(send)

    @property
    def is_direct(self) -> bool:
        """Is the server's transport in reach?"""
        return self._reached is not None

    def take_over(self, owner: Owner) -> Websocket | None:
        """The websocket on its transport, to be called right after its accept and in the same step; None where it can't
        be reached. The server takes the connection for ended, and what it still sends is dropped.

        Raises ClientGone when there was no handshake after all.
        """
        if self._reached is not None:
            # The kernel's timeout is later than we would close it ourselves, with 1013, for not reading.
            self.websocket = self._reached.take_over(owner, kernel_timeout=3 * self._timeout)
        return self.websocket

    def body(self, form: Form, on_failure: Callable[[], None]) -> Body:
        """Where to write the body of a streamed answer, once its head and all that goes before are sent.

        `on_failure` is called where only then it is found that nothing can be sent any more.
        """
        sink: Body | None = self._reached.chunks(form) if self._reached is not None else None
        if sink is None:
            sink = PlainSink(self.send, form, _body_message, b"", on_failure)
        self._sink = sink
        return sink

    async def send(self, message: Any) -> None:
        """ASGI's send. Raises Stalled where only waiting shows that the client takes nothing."""
        if self.websocket is not None:
            return  # The framework ends a request that is over for the server.
        if self._reached is not None:
            self._written += len(message.get("body") or message.get("text") or "")
            if message["type"] == "http.response.start" and not self.is_request_complete:
                message = {**message, "headers": [*message["headers"], _CLOSE]}
            await self._send(message)
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._send(message)
        except TimeoutError:
            raise Stalled from None

    @property
    def is_request_complete(self) -> bool:
        """Has the whole request been received, its body too? False where that can't be known."""
        return self._reached is not None and self._reached.is_request_complete

    @property
    def is_closing(self) -> bool:
        """Is the connection being closed, so that no answer reaches the client? False where that can't be known."""
        return self._reached is not None and self._reached.transport.is_closing()

    async def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        """A whole answer to a request with a body of its own: in one write where the transport is in reach, and past
        the server's four steps for each of its parts; else as ASGI's two messages."""
        # 20 µs less for an answer (benchmark `publish`).
        if self._reached is not None and not self.is_request_complete:
            headers = [*headers, _CLOSE]
        if self._reached is not None and (whole := self._reached.encode(status, headers, body)) is not None:
            self._written += len(whole)
            await self._reached.answer(whole)
            return
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    def is_stalled(self, now: float) -> bool:
        """Has the socket taken nothing of what waits for it for the send timeout? That time begins with the first of
        these calls; they come every second or more often."""
        if self._reached is None:
            return False
        if self._movement is None:
            self._movement = Movement()
        waiting = self._reached.transport.get_write_buffer_size()
        written = self._written + (self._sink.written if self._sink is not None else 0)
        return self._movement.has_stalled(now, self._timeout, waiting, written)

    def cut(self) -> None:
        """End the connection without waiting for what is unsent."""
        if self._reached is not None:
            self._reached.transport.abort()

    def guard(self) -> None:
        """Bound what a websocket's client sends, and decline compression; before the websocket is accepted."""
        if self._reached is not None:
            self._reached.guard()

    def shutdown(self) -> Callable[[], Awaitable[None]] | None:
        """What to await until the server is asked to stop; None when that can't be known.

        hypercorn notifies applications only after every connection has ended, and ours end only when they are closed.
        """
        return self._reached.shutdown() if self._reached is not None else None


def _body_message(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}
