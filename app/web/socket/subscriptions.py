"""The channels that one connection follows, and those whose presence it receives."""

import asyncio
from functools import partial
from typing import Protocol

from app.actions.follow import follow, follow_at_once
from app.errors import Conflict, InvalidRequest, Refusal, TooLarge
from app.live.events import Ended, EndReason, WatchEvent
from app.live.hub import Subscription
from app.live.watch import Watch
from app.model.access import Principal
from app.services import Services
from app.transport.sink import Client
from app.web.socket import messages
from app.web.socket.messages import AskPresence, Ref, Subscribe
from app.web.socket.presence import send_presence
from app.web.socket.tasks import ConnectionTasks


class Holder(Protocol):
    """The connection that holds the subscriptions, and sends their answers."""

    services: Services
    who: Principal

    @property
    def client(self) -> Client:
        """Where updates are written."""

    @property
    def tasks(self) -> ConnectionTasks:
        """Its background tasks."""

    def send(self, message: dict[str, object]) -> None:
        """Send a message."""

    async def send_drained(self, message: dict[str, object]) -> None:
        """Send a message once the client has accepted those before it."""

    def fail(self) -> None:
        """End the connection: something failed that was logged."""


class Subscriptions:
    """A watch for each followed channel, or the task that creates it."""

    __slots__ = ("_following", "_holder", "_presences")

    def __init__(self, holder: Holder) -> None:
        # One reference, and no bound methods of 64 bytes each.
        self._holder = holder
        self._following: dict[str, Watch | asyncio.Task[None]] = {}
        self._presences: dict[str, asyncio.Task[None]] | None = None

    def __len__(self) -> int:
        return len(self._following)

    def subscribe(self, message: Subscribe) -> None:
        """Follow a channel from the start point that the message requests. Raises Conflict, TooLarge or InvalidRequest.
        A refusal that needs a query is sent as an answer later."""
        if message.channel in self._following:
            raise Conflict("This connection follows the channel already; unsubscribe first.", field="channel")
        most = self._holder.services.settings.max_subscriptions
        if len(self._following) >= most:
            raise TooLarge(f"A connection follows at most {most} channels.", field="channel")
        services, start = self._holder.services, message.start()
        begun = follow_at_once(services.admissions, services.hub, self._holder.who, message.channel, start)
        if begun is not None:
            self._begin(message, begun)
        else:
            self._following[message.channel] = self._holder.tasks.spawn(self._follow(message))

    async def unsubscribe(self, slug: str, ref: Ref) -> None:
        """Stop following a channel: none of its updates is sent after the answer. Raises InvalidRequest."""
        followed = self._following.pop(slug, None)
        if followed is None:
            raise InvalidRequest("This connection does not follow the channel.", field="channel")
        if isinstance(followed, Watch):
            followed.close()
        else:
            followed.cancel()
            await asyncio.wait([followed])
        self._holder.send(messages.unsubscribed_message(ref, slug, "asked"))

    def ask_presence(self, message: AskPresence) -> None:
        """Start or stop sending the presence of a channel. Raises TooLarge."""
        slug = message.channel
        # A task that has ended, because its channel was deleted or its right revoked, does not count.
        self._presences = {each: task for each, task in (self._presences or {}).items() if not task.done()}
        running = self._presences.pop(slug, None)
        if running is not None:
            running.cancel()
        if message.on:
            if len(self._presences) >= self._holder.services.settings.max_subscriptions:
                raise TooLarge("This connection asks for the presence of too many channels.", field="channel")
            self._presences[slug] = self._holder.tasks.spawn(self._send_presence(slug, message.ref))

    def close(self) -> None:
        """Close every watch."""
        for followed in self._following.values():
            if isinstance(followed, Watch):
                followed.close()
        self._following.clear()

    async def _follow(self, message: Subscribe) -> None:
        services, slug = self._holder.services, message.channel
        try:
            begun = await follow(services.admissions, services.hub, self._holder.who, slug, message.start())
        except BaseException as error:
            if self._following.get(slug) is asyncio.current_task():
                del self._following[slug]
            if not isinstance(error, Refusal):
                raise
            await self._refuse(message.ref, error)
            return
        self._begin(message, begun)

    def _begin(self, message: Subscribe, begun: Subscription) -> None:
        """Send the answer; from now on the watch writes the channel's updates, without a task of the connection."""
        slug, extent, resumed = message.channel, begun.extent, begun.start_point.reset is None
        self._following[slug] = begun.watch
        self._holder.send(messages.subscribed_message(message.ref, slug, extent.epoch, extent.last, resumed))
        begun.watch.follow(self._holder.client, partial(self._notify, slug))

    def _notify(self, slug: str, event: WatchEvent) -> None:
        """Send what a watch reports that is not an update."""
        if not isinstance(event, Ended):
            self._holder.send(messages.reset_message(slug, event))
            return
        watch = self._following.pop(slug)
        assert isinstance(watch, Watch)
        watch.close()
        if event.reason is EndReason.FAILED:
            self._holder.fail()
        else:
            self._holder.send(messages.unsubscribed_message(None, slug, event.reason.value))

    async def _send_presence(self, slug: str, ref: Ref) -> None:
        try:
            await send_presence(self._holder.services, self._holder.who, slug, ref, self._holder.send_drained)
        except Refusal as refusal:
            await self._refuse(ref, refusal)

    async def _refuse(self, ref: Ref, refusal: Refusal) -> None:
        await self._holder.send_drained(messages.refusal_message(ref, refusal))
