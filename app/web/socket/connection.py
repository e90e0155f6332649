"""One websocket's conversation: what is asked is answered, what is followed is written as it comes."""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from functools import partial

import msgspec

from app.actions.follow import Following, begin, join
from app.errors import INTERNAL_CODE, Conflict, InvalidRequest, Refusal, TooLarge
from app.live.events import Ended, WatchEvent
from app.live.watch import Watch
from app.model.access import Principal
from app.runtime.connections import Farewell
from app.services import Services
from app.transport.sink import Client
from app.web.http.limits import count, refusal
from app.web.socket import messages
from app.web.socket.close_codes import FAILED, FAREWELLS, LOST, SHUTDOWN, SLOW, Goodbye
from app.web.socket.messages import AskPresence, Ping, Publish, Ref, Subscribe, Unsubscribe
from app.web.socket.presence import tell_presence
from app.web.socket.publishing import InFlight

log = logging.getLogger("tidewire.socket")
_INBOX = 64  # Messages that wait to be answered; with more the client is not heard.
_PAUSE = 1.0


class Conversation:
    """Everything that one connection holds: while nothing is said, what it follows and no task.

    Whatever it says and whatever it follows goes through one sink, in the order in which it happened.
    """

    __slots__ = ("_address", "_client", "_following", "_goodbye", "_inbox", "_presences", "_publishing", "_takes_part",
                 "_tasks", "_working", "services", "who")  # fmt: skip

    def __init__(self, services: Services, who: Principal, address: str) -> None:
        self.services, self.who, self._address = services, who, address
        self._client: Client | None = None
        self._following: dict[str, Watch | asyncio.Task[None]] = {}
        self._inbox: deque[str | bytes] | None = None
        self._takes_part = False
        self._working: asyncio.Task[None] | None = None
        self._presences: dict[str, asyncio.Task[None]] | None = None
        self._publishing: InFlight | None = None
        self._tasks: set[asyncio.Task[None]] | None = None
        self._goodbye: Goodbye | None = None

    def greet(self, client: Client) -> None:
        """Say welcome; from now on what is heard is answered, until it is `closed`."""
        self._client = client
        if self._goodbye is not None:
            client.close(self._goodbye.code, self._goodbye.reason)
        else:
            self.say(messages.welcome_message(self.who))

    def received(self, message: str | bytes) -> None:
        """Answer it, after what was heard before."""
        if self._goodbye is not None or self._client is None:
            return
        first = self._inbox is None
        if self._inbox is None:
            self._inbox = deque()
        self._inbox.append(message)
        if len(self._inbox) >= _INBOX:
            self._client.pause()
        if first:  # A crowd that comes back says its first words all at once: those who talk already go before it.
            self.services.hub.turns.call(self._take_part)
        elif self._takes_part and self._working is None:
            self._work()

    def closed(self) -> None:
        """The connection is over, and everything it held with it."""
        self._goodbye = self._goodbye or LOST
        self.services.connections.remove(self.say_goodbye)
        self._let_go()
        if self._publishing is not None:
            self._publishing.forget()

    def say_goodbye(self, farewell: Farewell) -> None:
        """End the connection from outside. At a shutdown what is on its way into the log is answered first."""
        if farewell == "shutdown" and self._goodbye is None and self._publishing and not self._publishing.empty:
            self._goodbye = SHUTDOWN
            self._let_go()
            self._spawn(self._leave_when_answered(self._publishing))
        else:
            self._end(FAREWELLS[farewell])

    def stalled(self) -> None:
        """End a connection that takes nothing."""
        if self._goodbye is None:
            self.services.metrics.slow_closed.inc()
        self._end(SLOW)

    def say(self, message: dict[str, object]) -> None:
        """Say one thing."""
        if self._client is not None:
            self._client.send(msgspec.json.encode(message))

    def _end(self, goodbye: Goodbye) -> None:
        if self._goodbye is None:
            self._goodbye = goodbye
            self._let_go()
            if self._client is not None:
                self._client.close(goodbye.code, goodbye.reason)

    def _let_go(self) -> None:
        """Nothing of any channel is written from here on, and nothing more is heard."""
        for followed in self._following.values():
            if isinstance(followed, Watch):
                self.services.hub.leave(followed)
        self._following.clear()
        if self._inbox is not None:
            self._inbox.clear()
        for task in self._tasks or ():
            task.cancel()

    async def _leave_when_answered(self, publishing: InFlight) -> None:
        await publishing.answered()
        if self._client is not None:
            self._client.close(SHUTDOWN.code, SHUTDOWN.reason)

    def _take_part(self) -> None:
        self._takes_part = True
        self._work()

    def _work(self) -> None:
        """Begin to answer at once: what has nothing to wait for is answered when this returns."""
        working = asyncio.Task(self._answer_all(), loop=asyncio.get_running_loop(), eager_start=True)
        self._working = None if working.done() else working
        self._tend(working)

    async def _answer_all(self) -> None:
        try:
            while self._inbox:
                message = self._inbox.popleft()
                if len(self._inbox) == _INBOX - 1 and self._client is not None:
                    self._client.resume()
                await self._hear(message)
        finally:
            self._working = None

    async def _hear(self, message: str | bytes) -> None:
        lines = messages.read_frame(message)
        if isinstance(lines, Refusal) or not lines:  # It brought no message, and counts as one.
            if await self._may_go_on(None) and isinstance(lines, Refusal):
                await self._refuse(None, lines)
            return
        for line in lines:
            found, ref = messages.parse_message(line)
            if not await self._may_go_on(ref):
                continue
            if isinstance(found, InvalidRequest):
                await self._refuse(ref, found)
            else:
                await self._answer(found, ref)

    async def _may_go_on(self, ref: Ref) -> bool:
        """Count a call. Who talks too fast is told so, and heard more slowly."""
        allowance = count(self.services, self.who, 1, self._address)
        if allowance is None or allowance.allowed:
            return True
        await self._refuse(ref, refusal(allowance))
        await asyncio.sleep(min(allowance.retry_after, _PAUSE))
        return False

    async def _answer(self, message: messages.Message, ref: Ref) -> None:
        assert self._client is not None
        await self._client.drain()  # Who does not take the answers is not heard.
        try:
            match message:
                case Subscribe():
                    if self._following:  # The first of a connection that comes has had its turn in `received`.
                        await self.services.hub.turns.take()
                    self._subscribe(message)
                case Unsubscribe(channel):
                    await self._unsubscribe(channel, ref)
                case AskPresence(channel, on):
                    self._ask_presence(channel, on, ref)
                case Publish():
                    if self._publishing is None:
                        self._publishing = InFlight(self.services, self.who, self.say)
                    await self._publishing.publish(message)
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
        following = join(self.services.admissions, self.services.hub, self.who, message.channel, message.start())
        if following is not None:
            self._begin(message, following)
        else:
            self._following[message.channel] = self._spawn(self._follow(message))

    async def _follow(self, message: Subscribe) -> None:
        hub, slug = self.services, message.channel
        try:
            following = await begin(hub.admissions, hub.hub, self.who, slug, message.start())
        except BaseException as error:
            if self._following.get(slug) is asyncio.current_task():
                del self._following[slug]
            if not isinstance(error, Refusal):
                raise
            await self._refuse(message.ref, error)
            return
        self._begin(message, following)

    def _begin(self, message: Subscribe, following: Following) -> None:
        """Let the channel's updates come; from now on it is the watch that acts, and no task of ours."""
        assert self._client is not None
        slug, extent, resumed = message.channel, following.extent, following.place.reset is None
        self._following[slug] = following.watch
        self.say(messages.subscribed_message(message.ref, slug, extent.epoch, extent.last, resumed))
        following.watch.follow(self._client, partial(self._told, slug))

    def _told(self, slug: str, happening: WatchEvent) -> None:
        """What a watch says that is not an update."""
        if not isinstance(happening, Ended):
            self.say(messages.reset_message(slug, happening))
            return
        watch = self._following.pop(slug)
        assert isinstance(watch, Watch)
        self.services.hub.leave(watch)
        if happening.reason == "failed":
            self._end(FAILED)
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
        # One that ended by itself, its channel deleted or its right gone, is not one of too many.
        self._presences = {slug: task for slug, task in (self._presences or {}).items() if not task.done()}
        running = self._presences.pop(slug, None)
        if running is not None:
            running.cancel()
        if on:
            if len(self._presences) >= self.services.settings.max_subscriptions:
                raise TooLarge("This connection asks for the presence of too many channels.", field="channel")
            self._presences[slug] = self._spawn(self._tell_presence(slug, ref))

    async def _tell_presence(self, slug: str, ref: Ref) -> None:
        try:
            await tell_presence(self.services, self.who, slug, ref, self._say_in_turn)
        except Refusal as found:
            await self._refuse(ref, found)

    async def _refuse(self, ref: Ref, found: Refusal) -> None:
        await self._say_in_turn(messages.error_message(ref, found.code or INTERNAL_CODE, found.message, found.field))

    async def _say_in_turn(self, message: dict[str, object]) -> None:
        if self._client is not None:
            await self._client.drain()
            self.say(message)

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run `work` until it ends or the connection does."""
        task = asyncio.get_running_loop().create_task(work)
        self._tend(task)
        return task

    def _tend(self, task: asyncio.Task[None]) -> None:
        if task.done():
            self._ended(task)
            return
        if self._tasks is None:
            self._tasks = set()
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._tasks is not None:
            self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A websocket's conversation failed", exc_info=error)
            self._end(FAILED)
