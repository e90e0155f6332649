"""One websocket's conversation: what is asked is answered, what is followed is told, each channel in its own task."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
from quart import websocket
from quart.wrappers.base import ClientDisconnectedError

from app.actions.connections import Farewell
from app.actions.follow import Following, follow
from app.actions.publish import publish
from app.errors import INTERNAL_CODE, Conflict, InvalidRequest, Refusal, TooLarge
from app.live.frame import Batch, Ended, Reset
from app.live.wire import Stalled
from app.model.access import Principal
from app.model.draft import check, draft_of
from app.services import Services
from app.web import messages
from app.web.limits import refusal, try_take
from app.web.messages import AskPresence, Ping, Publish, Ref, Subscribe, Unsubscribe
from app.web.watching import tell_presence

log = logging.getLogger("tidewire.socket")
_PUBLISHES_IN_FLIGHT = 100
_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Why the server ends a connection; the code tells a client whether to come back."""

    code: int
    reason: str


_FAREWELLS: dict[Farewell, Goodbye] = {
    "shutdown": Goodbye(1001, "the hub shuts down"),
    "dead": Goodbye(4401, "the token no longer counts"),
}


class Conversation:
    """Everything that one connection holds. It ends with the connection, and all its tasks before it."""

    def __init__(self, services: Services, who: Principal, address: str) -> None:
        self.services = services
        self.who = who
        self._address = address
        self._following: dict[str, asyncio.Task[None]] = {}
        self._presences: dict[str, asyncio.Task[None]] = {}
        self._publishes = asyncio.Semaphore(_PUBLISHES_IN_FLIGHT)
        # One message at a time is on its way to the socket: what waits is a position, not bytes.
        self._sending = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._goodbye: Goodbye | None = None
        self._task: asyncio.Task[None] | None = None
        self._tasks: asyncio.TaskGroup
        self._publishing: asyncio.TaskGroup

    async def run(self) -> Goodbye | None:
        """Talk until the client leaves (None) or the server ends it (why)."""
        self._task = asyncio.current_task()
        assert self._task is not None
        try:
            if self._goodbye is None:
                await self._talk()
        except asyncio.CancelledError:
            if self._goodbye is None:
                raise
            self._task.uncancel()  # It was say_goodbye that woke us, and there is a close to send.
        return self._goodbye

    async def _talk(self) -> None:
        try:
            async with asyncio.TaskGroup() as self._publishing:
                try:
                    await self._listen()
                except asyncio.CancelledError:
                    if self._goodbye is not _FAREWELLS["shutdown"] or self._task is None:
                        raise
                    self._task.uncancel()  # What is on its way into the log is still answered, before the close.
        except* Stalled:
            self._goodbye = Goodbye(1013, "too slow")
            self.services.metrics.slow_closed.inc()
        except* ClientDisconnectedError:
            pass
        except* Exception as errors:
            log.error("A websocket's conversation failed", exc_info=errors)
            self._goodbye = Goodbye(1011, "something went wrong here; it was logged")

    async def _listen(self) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            await self.send(messages.welcome_message(self.who))
            while True:
                await self._hear(await websocket.receive())

    def say_goodbye(self, farewell: Farewell) -> None:
        """End the connection from outside."""
        if self._goodbye is None:
            self._goodbye = _FAREWELLS[farewell]
            if self._task is not None:
                self._task.cancel()

    async def send(self, message: dict[str, object]) -> None:
        """Say one thing."""
        await self.send_text(msgspec.json.encode(message).decode())

    async def send_text(self, text: str) -> None:
        """Say what is encoded already. Raises Stalled when the client takes nothing for the send timeout."""
        async with self._sending:
            await websocket.send(text)

    async def _hear(self, frame: str | bytes | None) -> None:
        if not isinstance(frame, str):  # Bytes, and None where Quart took an empty binary frame for a text without one.
            await self._refuse(None, InvalidRequest("Send text frames; this one was binary."))
            return
        lines = messages.split_frame(frame)
        if len(lines) > messages.MOST_LINES:
            await self._refuse(None, TooLarge(f"A frame holds at most {messages.MOST_LINES} messages."))
            return
        for line in lines:
            message, ref = messages.parse_message(line)
            allowance = try_take(self.who, 1, self._address)
            if allowance is not None and not allowance.allowed:
                await self._refuse(ref, refusal(allowance))
                await asyncio.sleep(min(allowance.retry_after, _PAUSE))  # Who talks too fast is heard more slowly.
            elif isinstance(message, InvalidRequest):
                await self._refuse(ref, message)
            else:
                await self._answer(message, ref)

    async def _answer(self, message: messages.Message, ref: Ref) -> None:
        try:
            match message:
                case Subscribe():
                    self._subscribe(message)
                case Unsubscribe(channel):
                    await self._unsubscribe(channel, ref)
                case AskPresence(channel, on):
                    self._ask_presence(channel, on, ref)
                case Publish():
                    await self._publishes.acquire()
                    self._publishing.create_task(self._publish(message))
                case Ping():
                    await self.send(messages.pong_message(ref))
        except Refusal as found:
            await self._refuse(ref, found)

    def _subscribe(self, message: Subscribe) -> None:
        if message.channel in self._following:
            raise Conflict("This connection follows the channel already; unsubscribe first.", field="channel")
        most = self.services.settings.max_subscriptions
        if len(self._following) >= most:
            raise TooLarge(f"A connection follows at most {most} channels.", field="channel")
        message.start()
        self._following[message.channel] = self._tasks.create_task(self._relay(message))

    async def _relay(self, message: Subscribe) -> None:
        """Follow one channel until it ends, or is asked to."""
        slug = message.channel
        reason = "asked"
        try:
            hub = self.services
            async with follow(hub.door, hub.hub, self.who, slug, message.start()) as following:
                await self._tell_begin(message.ref, following)
                async with aclosing(following.watch.follow(gate=self._reading)) as happenings:
                    async for happening in happenings:
                        match happening:
                            case Batch():
                                await self.send_text(happening.text)
                                hub.metrics.delivered.inc(len(happening.entries))
                            case Reset():
                                await self.send(messages.reset_message(slug, happening))
                            case Ended(reason=reason):
                                break
        except Refusal as found:
            await self._refuse(message.ref, found)
            return
        finally:
            if self._following.get(slug) is asyncio.current_task():
                del self._following[slug]
        await self.send(messages.unsubscribed_message(None, slug, reason))

    async def _tell_begin(self, ref: Ref, following: Following) -> None:
        channel, resumed = following.channel, following.place.reset is None
        await self.send(messages.subscribed_message(ref, channel.slug, channel.epoch, channel.last_seq, resumed))

    async def _unsubscribe(self, slug: str, ref: Ref) -> None:
        task = self._following.pop(slug, None)
        if task is None:
            raise InvalidRequest("This connection does not follow the channel.", field="channel")
        task.cancel()
        await asyncio.wait([task])  # Nothing of the channel comes after the answer.
        await self.send(messages.unsubscribed_message(ref, slug, "asked"))

    def _ask_presence(self, slug: str, on: bool, ref: Ref) -> None:
        running = self._presences.pop(slug, None)
        if running is not None:
            running.cancel()
        if on:
            # One that ended by itself, its channel deleted or its right gone, is not one of too many.
            self._presences = {slug: task for slug, task in self._presences.items() if not task.done()}
            if len(self._presences) >= self.services.settings.max_subscriptions:
                raise TooLarge("This connection asks for the presence of too many channels.", field="channel")
            self._presences[slug] = self._tasks.create_task(
                self._guarded(ref, lambda: tell_presence(self.services, self.who, slug, ref, self.send))
            )

    async def _guarded(self, ref: Ref, work: Callable[[], object]) -> None:
        try:
            await work()  # type: ignore[misc]
        except Refusal as found:
            await self._refuse(ref, found)

    async def _publish(self, message: Publish) -> None:
        """Publishes of one connection are stored in the order they came: each task is begun in that order, and stands
        in the group commit's line before it waits for anything."""
        try:
            submission = check([draft_of(message.update)])
            stored = await publish(
                self.services.publisher, self.who, message.channel, submission, message.idempotency_key
            )
        except Refusal as found:
            if found.field == "Idempotency-Key":
                found.field = "idempotency_key"  # As it is called here.
            await self._refuse(message.ref, found)
        else:
            entry = stored.entries[0]
            await self.send(
                messages.published_message(
                    message.ref, message.channel, stored.channel.epoch, entry.seq, entry.update_id
                )
            )
        finally:
            self._publishes.release()

    async def _refuse(self, ref: Ref, found: Refusal) -> None:
        await self.send(messages.error_message(ref, found.code or INTERNAL_CODE, found.message, found.field))
