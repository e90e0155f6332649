"""The hub: the feeds of this process and their subscriptions. It accepts what is committed here or elsewhere."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from app.broker.protocol import Broker, Hint, PresenceSnapshot
from app.config import Settings
from app.live.fair_queue import FairQueue
from app.live.feed import Feed, Live, ReadLog
from app.live.flusher import Flusher
from app.live.pages import Pages
from app.live.presence import Presence
from app.live.watch import Watch
from app.model.access import Principal
from app.model.position import Extent, Start, StartPoint
from app.model.update import Entry
from app.tasks import TaskScope
from app.telemetry.metrics import Metrics

# Returns the log's current extent, and when the look-up began, by the loop's clock.
type ReadExtent = Callable[[], Awaitable[tuple[Extent, float]]]


class Subscription(NamedTuple):
    """A watch that has begun, its start point, and the log's extent at that moment."""

    watch: Watch
    extent: Extent
    start_point: StartPoint


class Hub:
    """Fan-out inside one process. A channel has a feed exactly while it has a watch here."""

    def __init__(
        self, broker: Broker, read_log: ReadLog, settings: Settings, metrics: Metrics, tasks: TaskScope
    ) -> None:
        self.presence = Presence()
        self.fair_queue = FairQueue()
        self.admitted = 0  # The number of the newest watch: see `Watch.admitted`.
        self._feeds: dict[int, Feed] = {}
        self._broker = broker
        self._metrics = metrics
        self._on_change: list[Callable[[], None]] = []
        self._live = Live(
            read_log, settings, metrics, tasks, Flusher(), self.fair_queue, Pages(tasks), self.on_access_changed,
        )  # fmt: skip
        self._unsubscribe = self._forget  # Bound once, for all watches.
        broker.attach(self)

    async def subscribe(
        self, channel_id: int, who: Principal, start: Start, read_extent: ReadExtent, *, present: bool = True
    ) -> Subscription:
        """A watch at the start point that `start` requests; the caller closes it. With `present` it counts as a
        watcher. Raises what `read_extent` raises.

        The watch is registered first, and the extent is read after the channel's hints are received: so an update that
        is committed in between is either in the extent or arrives as a hint.
        """
        at_once = self.subscribe_at_once(channel_id, who, start, present=present)
        if at_once is not None:
            return at_once
        watch = self._register(self._feed(channel_id), who)
        try:
            await self._broker.listen(channel_id)
            extent, began = await read_extent()
        except BaseException:
            watch.close()
            raise
        watch.feed.observe(extent, began)
        return self._begin(watch, start, extent, present)

    def subscribe_at_once(
        self, channel_id: int, who: Principal, start: Start, *, present: bool = True
    ) -> Subscription | None:
        """As `subscribe`, if the channel has a feed that serves `start` without a query; otherwise None."""
        feed = self._feeds.get(channel_id)
        if feed is None or not feed.serves(start) or (extent := feed.extent) is None:
            return None
        return self._begin(self._register(feed, who), start, extent, present)

    def _feed(self, channel_id: int) -> Feed:
        feed = self._feeds.get(channel_id)
        if feed is None:
            feed = self._feeds[channel_id] = Feed(channel_id, self._live)
        return feed

    def _register(self, feed: Feed, who: Principal) -> Watch:
        watch = Watch(feed, who, self._unsubscribe)
        feed.watches.add(watch)
        self._metrics.watchers.inc()
        return watch

    def _begin(self, watch: Watch, start: Start, extent: Extent, present: bool) -> Subscription:
        begun = Subscription(watch, extent, watch.begin(start, extent))
        self.admitted += 1
        watch.admitted = watch.feed.admitted = self.admitted
        if present:
            watch.present = True
            self.presence.arrive(watch.feed.channel_id, watch.who.user)
            self._broker.announce_presence_changed(watch.feed.channel_id)
        return begun

    def _forget(self, watch: Watch) -> None:
        """Remove a watch that is closed, and its feed when it was the last."""
        feed, channel_id = watch.feed, watch.feed.channel_id
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
        """Offer entries that were committed here to this process's watchers, then announce them to other processes."""
        hint = Hint(channel_id, epoch, entries)
        self.on_hint(hint)
        self._broker.announce(hint)

    def access_changed(self) -> None:
        """Reconcile at once, here and in the other processes, after a right or a channel changed here."""
        self.on_access_changed()
        self._broker.announce_access_changed()

    async def presence_snapshot(self, channel_id: int) -> PresenceSnapshot:
        """Who watches the channel, in all processes."""
        return await self._broker.presence_snapshot(channel_id, self.presence.here(channel_id))

    def feeds(self) -> dict[int, Feed]:
        """The current feeds, by channel id."""
        return dict(self._feeds)

    def on_change(self, notify: Callable[[], None]) -> None:
        """Call `notify` whenever rights or channels should be reconciled before the next poll."""
        self._on_change.append(notify)

    def on_hint(self, hint: Hint) -> None:
        """Offer entries that were committed, here or elsewhere, to the channel's feed."""
        feed = self._feeds.get(hint.channel_id)
        if feed is not None:
            feed.offer(hint.epoch, hint.entries)

    def on_access_changed(self) -> None:
        """A right or a channel changed, here or elsewhere."""
        for notify in self._on_change:
            notify()

    def on_presence_changed(self, channel_id: int) -> None:
        """The watchers of a channel changed in another process."""
        self.presence.notify(channel_id)

    def here(self, channel_id: int) -> PresenceSnapshot:
        """This process's part of who watches the channel."""
        return self.presence.here(channel_id)

    def everything_here(self) -> dict[int, PresenceSnapshot]:
        """This process's part, for every channel that is watched here."""
        return self.presence.everything_here()
