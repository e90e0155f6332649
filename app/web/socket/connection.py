"""One websocket connection: it answers the client's messages in order, and sends the followed channels' updates."""

import asyncio
from collections import deque

import msgspec

from app.errors import InvalidRequest, Refusal
from app.live.events import EndReason
from app.model.access import Principal
from app.model.update import one_line
from app.runtime.limits import refusal
from app.services import Services
from app.transport.sink import Client
from app.web.socket import messages
from app.web.socket.close_codes import CLOSES
from app.web.socket.messages import AskPresence, Ping, Publish, Ref, Subscribe, Unsubscribe
from app.web.socket.publishing import Publishing
from app.web.socket.subscriptions import Subscriptions
from app.web.socket.tasks import ConnectionTasks

MAX_INBOX = 64  # Messages that wait to be answered. While there are so many, the client is not read from.
MAX_THROTTLE_S = 1.0


class Connection:
    """The state of one connection. While no message is received, that is its subscriptions, without a task.

    Everything that it sends, answers and updates, goes through one sink, in order.
    """

    __slots__ = ("_address", "_answering", "_client", "_ended", "_established", "_inbox", "_publishing",
                 "_subscriptions", "_tasks", "services", "who")  # fmt: skip

    def __init__(self, services: Services, who: Principal, address: str) -> None:
        self.services, self.who, self._address = services, who, address
        self._client: Client | None = None
        self._inbox: deque[str | bytes] | None = None
        self._established = False
        self._answering: asyncio.Task[None] | None = None
        self._publishing: Publishing | None = None
        self._subscriptions: Subscriptions | None = None
        self._tasks: ConnectionTasks | None = None
        self._ended: EndReason | None = None

    def welcome(self, client: Client) -> None:
        """Send the welcome. From now on messages are answered, until `closed`."""
        self._client = client
        if self._ended is not None:
            client.close(*CLOSES[self._ended])
        else:
            self.send(messages.welcome_message(self.who))

    def received(self, message: str | bytes) -> None:
        """Answer a message, after the earlier ones."""
        if self._ended is not None or self._client is None:
            return
        is_first = self._inbox is None and not self._established
        if self._inbox is None:
            self._inbox = deque()
        self._inbox.append(message)
        if len(self._inbox) >= MAX_INBOX:
            self._client.pause()
        if is_first:  # In a reconnect storm, connections that are already established are answered first.
            self.services.hub.fair_queue.call(self._establish)
        elif self._established and self._answering is None:
            self._answer_soon()

    def closed(self) -> None:
        """Release everything, when the connection has ended."""
        self._ended = self._ended or EndReason.CLOSED
        self.services.connections.remove(self._address, self.end)
        self._release()
        if self._publishing is not None:
            self._publishing.forget()

    def end(self, reason: EndReason) -> None:
        """End the connection from inside the hub. At a shutdown, its pending publishes are answered first."""
        if reason is EndReason.SHUTDOWN and self._ended is None and self._publishing and not self._publishing.empty:
            self._ended = reason
            self._release()
            self.tasks.spawn(self._close_when_answered(self._publishing))
        else:
            self._end(reason)

    def stalled(self) -> None:
        """End a connection whose client accepts no data."""
        if self._ended is None:
            self.services.metrics.slow_closed.inc()
        self._end(EndReason.STALLED)

    def _end(self, reason: EndReason) -> None:
        if self._ended is None:
            self._ended = reason
            self._release()
            if self._client is not None:
                self._client.close(*CLOSES[reason])

    def _release(self) -> None:
        """From now on no update is sent, and no message is answered."""
        if self._subscriptions is not None:
            self._subscriptions.close()
        if self._inbox is not None:
            self._inbox.clear()
        if self._tasks is not None:
            self._tasks.cancel()

    async def _close_when_answered(self, publishing: Publishing) -> None:
        await publishing.answered()
        if self._client is not None:
            self._client.close(*CLOSES[EndReason.SHUTDOWN])

    def _establish(self) -> None:
        self._established = True
        self._answer_soon()

    def _answer_soon(self) -> None:
        answering = self.tasks.begin(self._answer_all())
        self._answering = None if answering.done() else answering

    async def _answer_all(self) -> None:
        try:
            while self._inbox:
                message = self._inbox.popleft()
                if len(self._inbox) == MAX_INBOX - 1 and self._client is not None:
                    self._client.resume()
                await self._answer_frame(message)
        finally:
            self._answering = None
            if not self._inbox:
                self._inbox = None  # An empty one is 760 bytes of a watcher's 7.5 kB.

    async def _answer_frame(self, message: str | bytes) -> None:
        lines = messages.read_frame(message)
        if isinstance(lines, Refusal) or not lines:  # It contains no message, but counts as one.
            if await self._count(None) and isinstance(lines, Refusal):
                await self._refuse(None, lines)
            return
        for line in lines:
            found, ref = messages.parse_message(line)
            if not await self._count(ref):
                continue
            if isinstance(found, InvalidRequest):
                await self._refuse(ref, found)
            else:
                await self._answer(found, ref)

    async def _count(self, ref: Ref) -> bool:
        """Count a call. A client that sends too many is refused, and its messages are read more slowly."""
        allowance = self.services.limits.count(self.who, self._address)
        if allowance is None or allowance.allowed:
            return True
        await self._refuse(ref, refusal(allowance))
        await asyncio.sleep(min(allowance.retry_after, MAX_THROTTLE_S))
        return False

    async def _answer(self, message: messages.Message, ref: Ref) -> None:
        assert self._client is not None
        await self._client.drain()  # A client that does not accept the answers is not read from.
        try:
            match message:
                case Subscribe():
                    subscriptions = self._held_subscriptions()
                    if len(subscriptions):  # The first one of a connection has waited in `received`.
                        await self.services.hub.fair_queue.take()
                    subscriptions.subscribe(message)
                case Unsubscribe(channel):
                    await self._held_subscriptions().unsubscribe(channel, ref)
                case AskPresence():
                    self._held_subscriptions().ask_presence(message)
                case Publish():
                    if self._publishing is None:
                        self._publishing = Publishing(self.services, self.who, self.send)
                    await self._publishing.publish(message)
                case Ping():
                    self.send(messages.pong_message(ref))
        except Refusal as found:
            await self._refuse(ref, found)

    @property
    def client(self) -> Client:
        """Where updates are written, after the welcome."""
        assert self._client is not None
        return self._client

    @property
    def tasks(self) -> ConnectionTasks:
        """Its background tasks."""
        if self._tasks is None:
            self._tasks = ConnectionTasks(self.fail)
        return self._tasks

    def _held_subscriptions(self) -> Subscriptions:
        if self._subscriptions is None:
            self._subscriptions = Subscriptions(self)
        return self._subscriptions

    def fail(self) -> None:
        """End the connection: something failed that was logged."""
        self._end(EndReason.FAILED)

    def send(self, message: dict[str, object]) -> None:
        """Send a message, after those before it."""
        if self._client is not None:
            self._client.send(one_line(msgspec.json.encode(message)))

    async def send_drained(self, message: dict[str, object]) -> None:
        """Send a message once the client has accepted those before it."""
        if self._client is not None:
            await self._client.drain()
            self.send(message)

    async def _refuse(self, ref: Ref, found: Refusal) -> None:
        await self.send_drained(messages.refusal_message(ref, found))
