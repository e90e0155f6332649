"""The hub: the feeds of this process, who watches them, and the way in for what is committed here or elsewhere."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from app.broker.protocol import Broker, Hint, PresenceSnapshot
from app.config import Settings
from app.live.fair_queue import FairQueue
from app.live.feed import Feed, Live, ReadLog
from app.live.flusher import Flusher
from app.live.pages import Pages
from app.live.presence import Presence
from app.live.watch import Watch
from app.model.access import Principal
from app.model.position import Start
from app.model.update import Entry
from app.tasks import TaskScope
from app.telemetry.metrics import Metrics


class Hub:
    """Fan-out inside one process. A channel has a feed exactly while somebody watches it."""

    def __init__(
        self, broker: Broker, read_log: ReadLog, settings: Settings, metrics: Metrics, tasks: TaskScope
    ) -> None:
        self.presence = Presence()
        self.came = 0
        self._feeds: dict[int, Feed] = {}
        self._broker = broker
        self._metrics = metrics
        self._alarms: list[Callable[[], None]] = []
        self.turns = FairQueue()
        pages = Pages(tasks)
        self._live = Live(read_log, settings, metrics, tasks, Flusher(), self.turns, pages, self.on_access_changed)
        broker.attach(self)

    @asynccontextmanager
    async def watch(self, channel_id: int, who: Principal) -> AsyncIterator[Watch]:
        """A watch as `enter` gives it, let in, and left at the end."""
        watch = await self.enter(channel_id, who)
        self.let_in(watch)
        try:
            yield watch
        finally:
            self.leave(watch)

    async def enter(self, channel_id: int, who: Principal) -> Watch:
        """A watch on the channel, not begun yet. From here on hints are heard: what is read now from the log has no
        hole to what comes live, which is why the extent to begin with must be read after this and not before."""
        feed = self._feeds.get(channel_id)
        if feed is None:
            feed = self._feeds[channel_id] = Feed(channel_id, self._live)
        watch = self._watch(feed, who)
        try:
            await self._broker.listen(channel_id)
        except BaseException:
            self.leave(watch)
            raise
        return watch

    def join(self, channel_id: int, who: Principal, start: Start) -> Watch | None:
        """As `enter`, at once, where the channel is heard already and what has come serves that start; else None."""
        feed = self._feeds.get(channel_id)
        return self._watch(feed, who) if feed is not None and feed.serves(start) else None

    def _watch(self, feed: Feed, who: Principal) -> Watch:
        watch = Watch(feed, who)
        feed.watches.add(watch)
        self._metrics.watchers.inc()
        return watch

    def let_in(self, watch: Watch) -> None:
        """Number a watch whose right was found good: from now on the right is looked at again."""
        self.came += 1
        watch.came = watch.feed.came = self.came

    def arrive(self, watch: Watch) -> None:
        """Let a watch in and count it as present."""
        self.let_in(watch)
        watch.present = True
        self.presence.arrive(watch.feed.channel_id, watch.who.user)
        self._broker.announce_presence_changed(watch.feed.channel_id)

    def leave(self, watch: Watch) -> None:
        """The end of `enter`, once: nothing more is written."""
        watch.stop()
        watch.ended = watch.ended or "left"  # Who still means to end it comes too late, and tells nobody.
        feed = watch.feed
        channel_id = feed.channel_id
        self._metrics.watchers.dec()
        feed.watches.discard(watch)
        if not feed.watches:
            del self._feeds[channel_id]
            feed.close()
            self._broker.ignore(channel_id)
        if watch.present:
            self.presence.leave(channel_id, watch.who.user)
            self._broker.announce_presence_changed(channel_id)

    def publish(self, channel_id: int, epoch: str, entries: Sequence[Entry]) -> None:
        """Committed here: the own watchers first, then a hint to the other processes."""
        hint = Hint(channel_id, epoch, entries)
        self.on_hint(hint)
        self._broker.announce(hint)

    def access_changed(self) -> None:
        """A right or a channel changed here: look at once, and let the others look."""
        self.on_access_changed()
        self._broker.announce_access_changed()

    async def census(self, channel_id: int) -> PresenceSnapshot:
        """Who watches the channel, in all processes."""
        return await self._broker.census(channel_id, self.presence.here(channel_id))

    def feeds(self) -> dict[int, Feed]:
        """The feeds there are now, by channel id."""
        return dict(self._feeds)

    def on_alarm(self, alarm: Callable[[], None]) -> None:
        """Call `alarm` whenever rights or channels should be looked at before the next poll."""
        self._alarms.append(alarm)

    def on_hint(self, hint: Hint) -> None:
        """What was committed, here or elsewhere."""
        feed = self._feeds.get(hint.channel_id)
        if feed is not None:
            feed.offer(hint.epoch, hint.entries)

    def on_access_changed(self) -> None:
        """Look at rights and channels now."""
        for alarm in self._alarms:
            alarm()

    def on_presence_changed(self, channel_id: int) -> None:
        """Who watches changed elsewhere."""
        self.presence.tell(channel_id)

    def here(self, channel_id: int) -> PresenceSnapshot:
        """This process's part of who watches the channel."""
        return self.presence.here(channel_id)

    def everything_here(self) -> dict[int, PresenceSnapshot]:
        """This process's part, for every channel that is watched here."""
        return self.presence.everything_here()
