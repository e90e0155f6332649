"""One watched channel in this process: its ring, what the log is known to hold, and who rides on its newest updates."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from app.config import Settings
from app.errors import Unavailable
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


_SHARED_BATCHES = 16  # Riders need one, and so does each herd; who comes alone gets a batch that nobody keeps.


@dataclass(frozen=True, slots=True)
class Live:
    """What all feeds of a process share."""

    read_log: ReadLog
    settings: Settings
    metrics: Metrics
    tasks: TaskScope
    ticker: Flusher
    turns: FairQueue
    pages: Pages
    doubt: Callable[[], None]


class LiveWatcher(Protocol):
    """Who can be written what everybody gets: a watch, as its feed sees it."""

    @property
    def who(self) -> Principal:
        """Who reads."""

    @property
    def came(self) -> int:
        """Its number among all that were let in, 0 while it was not."""

    @property
    def seq(self) -> int:
        """Its position, unless it rides: then it is the feed's."""

    @property
    def epoch(self) -> str:
        """The log that the position is of."""

    def fall_behind(self, seq: int) -> None:
        """It rides no more, and `seq` is the last that it was written."""

    def end(self, reason: str) -> None:
        """It is over."""


class Feed:
    """What watchers of one channel share. Everything but `page` is synchronous: a step is never half seen.

    `head` is the newest seq that came, `told` the newest that was written to those who ride: a watch rides exactly
    while its position is `told`. Between the two lies what waits for the next tick.
    """

    def __init__(self, channel_id: int, live: Live) -> None:
        self.channel_id = channel_id
        self.epoch: str | None = None
        self.first = 1
        self.told = 0
        self.deleted = False
        self.watches: set[LiveWatcher] = set()
        self.came = 0  # The number of the newest watch that was let in: see Hub.let_in.
        self.visibility: Visibility | None = None  # By which its watches were judged last.
        self._riders: dict[LiveWatcher, Sink] = {}
        self._epoch_since = 0.0
        self._unplaced = ("", 0)
        self._ring = self._ring_from(0, live.settings)
        self._news = asyncio.Event()
        self._batches: dict[int, Batch] = {}
        self._gap_timer: asyncio.TimerHandle | None = None
        self.live = live

    @property
    def head(self) -> int:
        """The newest seq that came."""
        return self._ring.head

    @property
    def extent(self) -> Extent | None:
        """The log as far as has come; None while that is not known, and once the channel is gone."""
        return None if self.epoch is None or self.deleted else Extent(self.epoch, self.first, self.head)

    def serves(self, start: Start) -> bool:
        """Can who asks for this place be let in and written from what has come here, without a look at the log?"""
        if self.extent is None:
            return False
        if isinstance(start, After):
            return start.epoch in (None, self.epoch) and self._ring.reaches(start.seq)
        return True

    def observe(self, extent: Extent, began: float) -> None:
        """What a read of the channel's row said that began at `began`, by the loop's clock.

        It may be older than what is known already and is then passed by: a read that began before the present epoch was
        learned can't bring the last one back.
        """
        if extent.epoch != self.epoch:
            if began < self._epoch_since:
                return
            self._throw_off()  # While their position is still of the old epoch.
            self._epoch_since = asyncio.get_running_loop().time()
            self.epoch, self.first, self.told = extent.epoch, extent.first, extent.last
            self._ring = self._ring_from(extent.last, self.live.settings)
            self._batches.clear()
            if self._unplaced[0] == extent.epoch:
                self._ring.seen = max(self._ring.seen, self._unplaced[1])
                self._mind_the_gap()
            self._wake()
            return
        self.first = max(self.first, extent.first)
        self._ring.seen = max(self._ring.seen, extent.last)
        self._mind_the_gap()

    def offer(self, epoch: str, entries: Sequence[Entry]) -> None:
        """What was committed, from this process or by a hint: in any order, doubled, late or never."""
        if self.epoch is None:
            self._unplaced = (epoch, entries[-1].seq)  # The first look at the row is on its way, and may be older.
            return
        if epoch != self.epoch:
            self.live.doubt()  # Another log, newer or older than ours: the channel's row will tell.
            return
        if self._ring.offer(entries):
            self._come()
        self._mind_the_gap()

    def ride(self, watch: LiveWatcher, sink: Sink) -> bool:
        """Write the watch from now on what comes after its position; False when that is not where the riders are."""
        if watch.seq != self.told or watch.epoch != self.epoch:
            return False
        self._riders[watch] = sink
        return True

    def alight(self, watch: LiveWatcher) -> bool:
        """Write it no more; True when it rode, and `told` is its position."""
        return self._riders.pop(watch, None) is not None

    def flush(self) -> int:
        """Write what came since the last time to all who ride, each batch to all of them; who can't take it, or is
        over, alights and goes on by itself. How many updates came."""
        before = self.told
        while self.told < self.head:
            batch = self.ready(self.told, upto=self.head)
            if batch is None:
                self._throw_off()  # A hint was lost, or more came at once than the ring holds: the log has it.
                self.told = self.head
                break
            riders = self._riders
            behind = [watch for watch, sink in riders.items() if not sink.write(batch)]
            self.live.metrics.delivered.inc(len(batch.entries) * (len(riders) - len(behind)))
            for watch in behind:
                del riders[watch]
                watch.fall_behind(self.told)
            self.told = batch.last
        self._batches.clear()
        self._wake()
        return self.told - before

    def delete(self) -> None:
        """The channel is gone, and with it every watch."""
        self.deleted = True
        for watch in tuple(self.watches):
            watch.end("deleted")

    async def news(self) -> None:
        """Return when `told` or the epoch has changed. A change between two calls is not told: look before waiting."""
        await self._news.wait()

    def ready(self, seq: int, upto: int | None = None) -> Batch | None:
        """The next batch after `seq` out of the ring, up to `told` or further, the same for all who ask; None when only
        the log has it."""
        batch = self._batches.get(seq)
        if batch is None:
            settings = self.live.settings
            entries = self._ring.after(seq, upto or self.told, settings.page_updates, settings.batch_bytes)
            if not entries or self.epoch is None:
                return None
            batch = Batch(self.epoch, entries)
            if len(self._batches) < _SHARED_BATCHES:
                self._batches[seq] = batch
        return batch

    async def page(self, seq: int) -> Page | None:
        """The next page after `seq` out of the log; who asks for one page at one time shares one query.

        An outage is waited for, as long as the watcher is there: None means that the channel is gone.
        """
        while True:
            try:
                return await self.live.pages.at((self.channel_id, self.epoch or "", seq), partial(self._query, seq))
            except Unavailable:
                await asyncio.sleep(self.live.settings.poll_interval)

    def close(self) -> None:
        """Nobody watches any more: let go of the timers."""
        self.live.ticker.forget(self)
        self._mind_no_gap()

    async def _query(self, seq: int) -> Page | None:
        self.live.metrics.log_reads.inc()
        began = asyncio.get_running_loop().time()
        found = await self.live.read_log(self.channel_id, seq)
        if found is None:
            return None
        extent, entries = found
        return Page(extent, began, split(extent.epoch, entries, self.live.settings.batch_bytes))

    def _come(self) -> None:
        """The head has moved: write it at the next tick, or now if the ring is about to lose what was not written."""
        if 2 * (self.head - self.told) >= self.live.settings.ring_updates:
            self.flush()
        else:
            self.live.ticker.due(self)

    def _throw_off(self) -> None:
        riders, self._riders = self._riders, {}
        for watch in riders:
            watch.fall_behind(self.told)

    def _wake(self) -> None:
        self._news.set()
        self._news.clear()

    def _mind_the_gap(self) -> None:
        """Something is committed that did not come: give it a moment, for hints overtake one another."""
        if not self._ring.gap:
            self._mind_no_gap()
        elif self._gap_timer is None:
            self._gap_timer = asyncio.get_running_loop().call_later(self.live.settings.early_wait, self._give_up)

    def _mind_no_gap(self) -> None:
        if self._gap_timer is not None:
            self._gap_timer.cancel()
            self._gap_timer = None

    def _give_up(self) -> None:
        self._gap_timer = None
        if self._ring.gap:
            self.live.metrics.hints_lost.inc()
            self._ring.jump()
            self._come()

    @staticmethod
    def _ring_from(head: int, settings: Settings) -> Ring:
        return Ring(head, settings.ring_updates, settings.ring_bytes)
