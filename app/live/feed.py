"""One watched channel in this process: its ring, what the log is known to hold, and its live watchers."""

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

# (channel id, after) -> the log's extent and the next entries, None when the channel is gone. Raises Unavailable.
type ReadLog = Callable[[int, int], Awaitable[tuple[Extent, Sequence[Entry]] | None]]


MAX_SHARED_BATCHES = 16  # Live watchers need one, each group that catches up one more; further ones are not kept.


@dataclass(frozen=True, slots=True)
class Live:
    """What all feeds of a process share."""

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
        """Its number among all admitted watches, 0 while it is not."""

    @property
    def seq(self) -> int:
        """Its position, unless it is attached: then it is the feed's."""

    @property
    def epoch(self) -> str:
        """The log that the position is of."""

    def fall_behind(self, seq: int) -> None:
        """It is detached, and `seq` is the last that it was written."""

    def end(self, reason: EndReason) -> None:
        """It is over."""


class Feed:
    """What watchers of one channel share. Everything but `page` is synchronous: a step is never half seen.

    `head` is the newest seq that arrived, `sent` the newest that was written to the live watchers: a watch is attached
    exactly while its position is `sent`. Between the two is what waits for the next flush.
    """

    def __init__(self, channel_id: int, live: Live) -> None:
        self.channel_id = channel_id
        self.epoch: str | None = None
        self.first = 1
        self.sent = 0
        self.deleted = False
        self.watches: set[LiveWatcher] = set()
        self.admitted = 0  # The number of its newest watch: see `LiveWatcher.admitted`.
        self.visibility: Visibility | None = None  # As its watches were checked last.
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
        """The log as far as it has arrived; None while that is not known, and once the channel is gone."""
        return None if self.epoch is None or self.deleted else Extent(self.epoch, self.first, self.head)

    def serves(self, start: Start) -> bool:
        """True if a watch can begin there by what has arrived here, without a query."""
        if self.extent is None:
            return False
        if isinstance(start, After):
            return start.epoch in (None, self.epoch) and self._ring.reaches(start.seq)
        return True

    def observe(self, extent: Extent, began: float) -> None:
        """Learn the extent that a read found which began at `began`, by the loop's clock.

        One that is older than what is known is ignored: a read that began before the present epoch was learned can't
        bring the last one back.
        """
        if extent.epoch != self.epoch:
            if began < self._epoch_since:
                return
            self._detach_all()  # While their position is still of the old epoch.
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
        """Accept what was committed, from this process or by a hint: in any order, doubled, late or never."""
        if self.epoch is None:
            self._unplaced = (epoch, entries[-1].seq)  # The first read of the row is on its way, and may be older.
            return
        if epoch != self.epoch:
            self.live.on_access_changed()  # Another log, newer or older than ours: the channel's row says which.
            return
        if self._ring.offer(entries):
            self._arrived()
        self._watch_gap()

    def attach(self, watch: LiveWatcher, sink: Sink) -> bool:
        """Write the watch from now on what follows its position; False when that is not `sent`."""
        if watch.seq != self.sent or watch.epoch != self.epoch:
            return False
        self._live_watchers[watch] = sink
        return True

    def detach(self, watch: LiveWatcher) -> bool:
        """Write it no more; True when it was attached, and `sent` is its position."""
        return self._live_watchers.pop(watch, None) is not None

    def flush(self) -> int:
        """Write what arrived since the last flush to every live watcher. One whose sink does not accept it is detached,
        and reads on by itself. Returns how many updates arrived."""
        before = self.sent
        while self.sent < self.head:
            batch = self.ready(self.sent, upto=self.head)
            if batch is None:
                self._detach_all()  # A hint was lost, or more arrived at once than the ring holds: the log has it.
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
        """The channel is gone, and with it every watch."""
        self.deleted = True
        for watch in tuple(self.watches):
            watch.end(EndReason.DELETED)

    async def news(self) -> None:
        """Return when `sent` or the epoch has changed. Between two calls a change is not reported: check first."""
        await self._news.wait()

    def ready(self, seq: int, upto: int | None = None) -> Batch | None:
        """The next batch after `seq` out of the ring, up to `sent` or further, shared by all that ask; None when only
        the log has it."""
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
        """The next page after `seq` out of the log; concurrent reads of one page share one query.

        Waits for the end of an outage; None means that the channel is gone.
        """
        while True:
            try:
                return await self.live.pages.at((self.channel_id, self.epoch or "", seq), partial(self._query, seq))
            except Unavailable:
                await asyncio.sleep(self.live.settings.poll_interval)

    def close(self) -> None:
        """The last watch is closed: cancel the timers."""
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
        """The head has moved: flush soon, or now if the ring is about to lose what was not written."""
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
        """Something is committed that did not arrive: wait a moment, for hints overtake one another."""
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
