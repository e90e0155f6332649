"""One websocket's conversation: what is asked is answered, what is followed is written as it comes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial

import msgspec

from app.actions.connections import Farewell
from app.actions.follow import Following, begin
from app.actions.publish import publish
from app.errors import INTERNAL_CODE, Conflict, InvalidRequest, Refusal, TooLarge
from app.live.frame import Ended, Happening
from app.live.sink import Sink
from app.live.watch import Watch
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

# The next frame; None once the client has left.
type Receive = Callable[[], Awaitable[str | bytes | None]]


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Why the server ends a connection; the code tells a client whether to come back."""

    code: int
    reason: str


SLOW = Goodbye(1013, "too slow")
_SHUTDOWN = Goodbye(1001, "the hub shuts down")
_FAILED = Goodbye(1011, "something went wrong here; it was logged")
_FAREWELLS: dict[Farewell, Goodbye] = {
    "shutdown": _SHUTDOWN,
    "dead": Goodbye(4401, "the token no longer counts"),
}


class Conversation:
    """Everything that one connection holds. It ends with the connection, and all its tasks before it.

    Whatever it says and whatever it follows goes through one sink, in the order in which it happened.
    """

    __slots__ = (
        "_address",
        "_following",
        "_goodbye",
        "_presences",
        "_publishing",
        "_sink",
        "_task",
        "_tasks",
        "services",
        "who",
    )

    def __init__(self, services: Services, who: Principal, address: str) -> None:
        self.services = services
        self.who = who
        self._address = address
        self._sink: Sink
        self._following: dict[str, Watch | asyncio.Task[None]] = {}
        self._presences: dict[str, asyncio.Task[None]] = {}
        self._publishing: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._goodbye: Goodbye | None = None
        self._task: asyncio.Task[None] | None = None

    async def run(self, receive: Receive, sink: Sink) -> Goodbye | None:
        """Talk until the client leaves (None) or the server ends it (why)."""
        self._task = asyncio.current_task()
        self._sink = sink
        assert self._task is not None
        try:
            if self._goodbye is None:
                self.say(messages.welcome_message(self.who))
                while (frame := await receive()) is not None:
                    await self._hear(frame)
        except asyncio.CancelledError:
            if self._goodbye is None:
                raise
            self._task.uncancel()  # It was one of us who ended it, and there is a close to send.
        except Exception as error:
            self._fail(error)
        finally:
            await self._let_go()
        return self._goodbye

    def say_goodbye(self, farewell: Farewell) -> None:
        """End the connection from outside."""
        self._end(_FAREWELLS[farewell])

    def give_up(self) -> None:
        """End a connection that takes nothing."""
        self.services.metrics.slow_closed.inc()
        self._end(SLOW)

    def say(self, message: dict[str, object]) -> None:
        """Say one thing."""
        self._sink.say(msgspec.json.encode(message))

    def _end(self, goodbye: Goodbye) -> None:
        if self._goodbye is None:
            self._goodbye = goodbye
            if self._task is not None:
                self._task.cancel()

    def _fail(self, error: BaseException) -> None:
        log.error("A websocket's conversation failed", exc_info=error)
        self._end(_FAILED)

    async def _let_go(self) -> None:
        """Nothing of any channel is written from here on. At a shutdown what is on its way into the log is answered."""
        for followed in self._following.values():
            if isinstance(followed, Watch):
                self.services.hub.leave(followed)
        self._following.clear()
        tasks = self._tasks | self._publishing
        for task in self._tasks if self._goodbye is _SHUTDOWN else tasks:
            task.cancel()
        try:
            if tasks:
                await asyncio.wait(tasks)
        finally:
            for task in self._publishing:
                task.cancel()

    async def _hear(self, frame: str | bytes) -> None:
        if not isinstance(frame, str):
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
        await self._sink.drain()  # Who does not take the answers is not heard.
        try:
            match message:
                case Subscribe():
                    self._subscribe(message)
                case Unsubscribe(channel):
                    await self._unsubscribe(channel, ref)
                case AskPresence(channel, on):
                    self._ask_presence(channel, on, ref)
                case Publish():
                    while len(self._publishing) >= _PUBLISHES_IN_FLIGHT:
                        await asyncio.wait(self._publishing, return_when=asyncio.FIRST_COMPLETED)
                    self._spawn(self._publish(message), self._publishing)
                case Ping():
                    self.say(messages.pong_message(ref))
        except Refusal as found:
            await self._refuse(ref, found)

    def _subscribe(self, message: Subscribe) -> None:
        if message.channel in self._following:
            raise Conflict("This connection follows the channel already; unsubscribe first.", field="channel")
        most = self.services.settings.max_subscriptions
        if len(self._following) >= most:
            raise TooLarge(f"A connection follows at most {most} channels.", field="channel")
        message.start()
        self._following[message.channel] = self._spawn(self._begin(message), self._tasks)

    async def _begin(self, message: Subscribe) -> None:
        """Let the channel's updates come; from then on it is the watch that acts, and no task of ours."""
        hub, slug = self.services, message.channel
        try:
            following = await begin(hub.door, hub.hub, self.who, slug, message.start())
        except BaseException as error:
            if self._following.get(slug) is asyncio.current_task():
                del self._following[slug]
            if not isinstance(error, Refusal):
                raise
            await self._refuse(message.ref, error)
            return
        self._following[slug] = following.watch
        self._tell_begin(message.ref, following)
        following.watch.follow(self._sink, partial(self._told, slug))

    def _tell_begin(self, ref: Ref, following: Following) -> None:
        channel, resumed = following.channel, following.place.reset is None
        self.say(messages.subscribed_message(ref, channel.slug, channel.epoch, channel.last_seq, resumed))

    def _told(self, slug: str, happening: Happening) -> None:
        """What a watch says that is not an update."""
        if not isinstance(happening, Ended):
            self.say(messages.reset_message(slug, happening))
            return
        watch = self._following.pop(slug)
        assert isinstance(watch, Watch)
        self.services.hub.leave(watch)
        if happening.reason == "failed":
            self._end(_FAILED)
        else:
            self.say(messages.unsubscribed_message(None, slug, happening.reason))

    async def _unsubscribe(self, slug: str, ref: Ref) -> None:
        followed = self._following.pop(slug, None)
        if followed is None:
            raise InvalidRequest("This connection does not follow the channel.", field="channel")
        if isinstance(followed, Watch):
            self.services.hub.leave(followed)  # Nothing of the channel comes after the answer.
        else:
            followed.cancel()
            await asyncio.wait([followed])
        self.say(messages.unsubscribed_message(ref, slug, "asked"))

    def _ask_presence(self, slug: str, on: bool, ref: Ref) -> None:
        running = self._presences.pop(slug, None)
        if running is not None:
            running.cancel()
        if on:
            # One that ended by itself, its channel deleted or its right gone, is not one of too many.
            self._presences = {slug: task for slug, task in self._presences.items() if not task.done()}
            if len(self._presences) >= self.services.settings.max_subscriptions:
                raise TooLarge("This connection asks for the presence of too many channels.", field="channel")
            self._presences[slug] = self._spawn(self._tell_presence(slug, ref), self._tasks)

    async def _tell_presence(self, slug: str, ref: Ref) -> None:
        try:
            await tell_presence(self.services, self.who, slug, ref, self._say_when_there_is_room)
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
            self.say(
                messages.published_message(
                    message.ref, message.channel, stored.channel.epoch, entry.seq, entry.update_id
                )
            )

    async def _refuse(self, ref: Ref, found: Refusal) -> None:
        await self._say_when_there_is_room(
            messages.error_message(ref, found.code or INTERNAL_CODE, found.message, found.field)
        )

    async def _say_when_there_is_room(self, message: dict[str, object]) -> None:
        await self._sink.drain()
        self.say(message)

    def _spawn(self, work: Coroutine[None, None, None], scope: set[asyncio.Task[None]]) -> asyncio.Task[None]:
        """Run `work` until it ends or the connection does."""
        task = asyncio.get_running_loop().create_task(work)
        scope.add(task)
        task.add_done_callback(partial(self._ended, scope))
        return task

    def _ended(self, scope: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
        scope.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)
