"""One watched channel in this process: its ring, the known extent of its log, and its live watchers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from app.config import Settings
from app.errors import Unavailable
from app.live.events import EndReason
from app.live.fair_queue import FairQueue
from app.live.flusher import Flusher
from app.live.pages import Page, Pages
from app.live.ring import Ring
from app.model.access import Principal
from app.model.batch import Batch, split
from app.model.channel import Visibility
from app.model.position import After, Extent, Start
from app.model.update import Entry
from app.tasks import TaskScope
from app.telemetry.metrics import Metrics
from app.transport.sink import Sink

# (channel id, after) -> the log's extent and the next entries, None when the channel was deleted. Raises Unavailable.
type ReadLog = Callable[[int, int], Awaitable[tuple[Extent, Sequence[Entry]] | None]]


MAX_SHARED_BATCHES = 16  # Live watchers need one, each group that catches up one more; further ones are not kept.


@dataclass(frozen=True, slots=True)
class Live:
    """The objects that all feeds of a process share."""

    read_log: ReadLog
    settings: Settings
    metrics: Metrics
    tasks: TaskScope
    flusher: Flusher
    fair_queue: FairQueue
    pages: Pages
    on_access_changed: Callable[[], None]


class LiveWatcher(Protocol):
    """A watch, as its feed sees it."""

    @property
    def who(self) -> Principal:
        """The reader."""

    @property
    def admitted(self) -> int:
        """Its number among all admitted watches, 0 until it is admitted."""

    @property
    def seq(self) -> int:
        """Its position, unless it is attached: then its position is the feed's `sent`."""

    @property
    def epoch(self) -> str:
        """The epoch of its position."""

    def fall_behind(self, seq: int) -> None:
        """The watch was detached; `seq` is the last that was written to it."""

    def end(self, reason: EndReason) -> None:
        """End the watch."""


class Feed:
    """What the watchers of one channel share. Everything but `page` and `news` is synchronous, so each step is atomic.

    `head` is the newest seq that arrived, `sent` the newest that was written to the live watchers: a watch is attached
    exactly while its position is `sent`. The entries between the two wait for the next flush.
    """

    def __init__(self, channel_id: int, live: Live) -> None:
        self.channel_id = channel_id
        self.epoch: str | None = None
        self.first = 1
        self.sent = 0
        self.deleted = False
        self.watches: set[LiveWatcher] = set()
        self.admitted = 0  # The number of its newest watch: see `LiveWatcher.admitted`.
        self.visibility: Visibility | None = None  # At the last check of its watches.
        self._live_watchers: dict[LiveWatcher, Sink] = {}
        self._epoch_since = 0.0
        self._unplaced = ("", 0)
        self._ring = self._ring_from(0, live.settings)
        self._news = asyncio.Event()
        self._batches: dict[int, Batch] = {}
        self._gap_timer: asyncio.TimerHandle | None = None
        self.live = live

    @property
    def head(self) -> int:
        """The newest seq that arrived."""
        return self._ring.head

    @property
    def extent(self) -> Extent | None:
        """The log's extent as far as it has arrived; None before the first read, and after the channel was deleted."""
        return None if self.epoch is None or self.deleted else Extent(self.epoch, self.first, self.head)

    def serves(self, start: Start) -> bool:
        """True if a watch can begin at `start` without a query."""
        if self.extent is None:
            return False
        if isinstance(start, After):
            return start.epoch in (None, self.epoch) and self._ring.reaches(start.seq)
        return True

    def observe(self, extent: Extent, began: float) -> None:
        """Accept the extent that a read found; the read began at `began`, by the loop's clock.

        An outdated extent is ignored: a read that began before the current epoch was set can't restore the one before.
        """
        if extent.epoch != self.epoch:
            if began < self._epoch_since:
                return
            self._detach_all()  # First, while their positions are of the old epoch.
            self._epoch_since = asyncio.get_running_loop().time()
            self.epoch, self.first, self.sent = extent.epoch, extent.first, extent.last
            self._ring = self._ring_from(extent.last, self.live.settings)
            self._batches.clear()
            if self._unplaced[0] == extent.epoch:
                self._ring.seen = max(self._ring.seen, self._unplaced[1])
                self._watch_gap()
            self._wake()
            return
        self.first = max(self.first, extent.first)
        self._ring.seen = max(self._ring.seen, extent.last)
        self._watch_gap()

    def offer(self, epoch: str, entries: Sequence[Entry]) -> None:
        """Accept committed entries, from this process or from a hint: out of order, doubled, late, or with a gap."""
        if self.epoch is None:
            self._unplaced = (epoch, entries[-1].seq)  # The first read of the row is running, and may be older.
            return
        if epoch != self.epoch:
            self.live.on_access_changed()  # Of a newer or older log: reconciling reads the channel's row.
            return
        if self._ring.offer(entries):
            self._arrived()
        self._watch_gap()

    def attach(self, watch: LiveWatcher, sink: Sink) -> bool:
        """From now on write to the watch what follows its position; False when its position is not `sent`."""
        if watch.seq != self.sent or watch.epoch != self.epoch:
            return False
        self._live_watchers[watch] = sink
        return True

    def detach(self, watch: LiveWatcher) -> bool:
        """Stop writing to the watch; True when it was attached, so that `sent` is its position."""
        return self._live_watchers.pop(watch, None) is not None

    def flush(self) -> int:
        """Write what arrived since the last flush to every live watcher. A watch whose sink does not accept it is
        detached, and reads on from its position. Returns how many updates arrived."""
        before = self.sent
        while self.sent < self.head:
            batch = self.ready(self.sent, upto=self.head)
            if batch is None:
                self._detach_all()  # A hint was lost, or more arrived at once than the ring holds: read the log.
                self.sent = self.head
                break
            attached = self._live_watchers
            behind = [watch for watch, sink in attached.items() if not sink.write(batch)]
            self.live.metrics.delivered.inc(len(batch.entries) * (len(attached) - len(behind)))
            for watch in behind:
                del attached[watch]
                watch.fall_behind(self.sent)
            self.sent = batch.last
        self._batches.clear()
        self._wake()
        return self.sent - before

    def delete(self) -> None:
        """End every watch, because the channel was deleted."""
        self.deleted = True
        for watch in tuple(self.watches):
            watch.end(EndReason.DELETED)

    async def news(self) -> None:
        """Return at the next change of `sent` or the epoch. A change between two calls is not reported: check first."""
        await self._news.wait()

    def ready(self, seq: int, upto: int | None = None) -> Batch | None:
        """The next batch after `seq` from the ring, up to `sent` or to `upto`, shared by all watches at `seq`; None
        when only the log has it."""
        batch = self._batches.get(seq)
        if batch is None:
            settings = self.live.settings
            entries = self._ring.after(seq, upto or self.sent, settings.page_updates, settings.batch_bytes)
            if not entries or self.epoch is None:
                return None
            batch = Batch(self.epoch, entries)
            if len(self._batches) < MAX_SHARED_BATCHES:
                self._batches[seq] = batch
        return batch

    async def page(self, seq: int) -> Page | None:
        """The next page after `seq` from the log; concurrent reads of one page share one query.

        Waits for the end of an outage; None means that the channel was deleted.
        """
        while True:
            try:
                return await self.live.pages.at((self.channel_id, self.epoch or "", seq), partial(self._query, seq))
            except Unavailable:
                await asyncio.sleep(self.live.settings.poll_interval)

    def close(self) -> None:
        """Cancel the timers, when the last watch is closed."""
        self.live.flusher.forget(self)
        self._stop_gap_timer()

    async def _query(self, seq: int) -> Page | None:
        self.live.metrics.log_reads.inc()
        began = asyncio.get_running_loop().time()
        found = await self.live.read_log(self.channel_id, seq)
        if found is None:
            return None
        extent, entries = found
        return Page(extent, began, split(extent.epoch, entries, self.live.settings.batch_bytes))

    def _arrived(self) -> None:
        """Schedule a flush, or flush now if the ring is about to drop entries that were not written."""
        if 2 * (self.head - self.sent) >= self.live.settings.ring_updates:
            self.flush()
        else:
            self.live.flusher.schedule(self)

    def _detach_all(self) -> None:
        attached, self._live_watchers = self._live_watchers, {}
        for watch in attached:
            watch.fall_behind(self.sent)

    def _wake(self) -> None:
        self._news.set()
        self._news.clear()

    def _watch_gap(self) -> None:
        """While there is a gap, keep a timer that ends it: hints may arrive out of order."""
        if not self._ring.gap:
            self._stop_gap_timer()
        elif self._gap_timer is None:
            self._gap_timer = asyncio.get_running_loop().call_later(self.live.settings.gap_timeout, self._jump_gap)

    def _stop_gap_timer(self) -> None:
        if self._gap_timer is not None:
            self._gap_timer.cancel()
            self._gap_timer = None

    def _jump_gap(self) -> None:
        self._gap_timer = None
        if self._ring.gap:
            self.live.metrics.hints_lost.inc()
            self._ring.jump()
            self._arrived()

    @staticmethod
    def _ring_from(head: int, settings: Settings) -> Ring:
        return Ring(head, settings.ring_updates, settings.ring_bytes)
