"""One watched channel in this process: its ring, what the log is known to hold, and who waits for news."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.config import Settings
from app.errors import Unavailable
from app.live.flight import Flights
from app.live.frame import Batch, split
from app.live.ring import Ring
from app.metrics import Metrics
from app.model.position import Extent
from app.model.update import Entry

# (channel id, after) -> the log's extent and the next entries, None when the channel is gone. Raises Unavailable.
type ReadLog = Callable[[int, int], Awaitable[tuple[Extent, Sequence[Entry]] | None]]


_SHARED_BATCHES = 16  # Riders need one, and so does each herd; who comes alone gets a batch that nobody keeps.


@dataclass(frozen=True, slots=True)
class Page:
    """What follows a position, in batches ready for a socket, and what the log held at that same moment."""

    extent: Extent
    began: float  # When the reading did, by the loop's clock: see Feed.observe.
    batches: Sequence[Batch]


class Feed:
    """What watchers of one channel share. Everything but `page` is synchronous: a step is never half seen."""

    def __init__(
        self,
        channel_id: int,
        read_log: ReadLog,
        flights: Flights[tuple[int, int], Page | None],
        settings: Settings,
        metrics: Metrics,
        doubt: Callable[[], None],
    ) -> None:
        self.channel_id = channel_id
        self.epoch: str | None = None
        self.first = 1
        self.deleted = False
        self._epoch_since = 0.0
        self._unplaced = ("", 0)
        self._ring = Ring(0, settings.ring_updates, settings.ring_bytes)
        self._news = asyncio.Event()
        self._batches: dict[int, Batch] = {}
        self._gap_timer: asyncio.TimerHandle | None = None
        self._read_log = read_log
        self._flights = flights
        self._settings = settings
        self._metrics = metrics
        self._doubt = doubt

    @property
    def head(self) -> int:
        """The newest seq that watchers are told of."""
        return self._ring.head

    def observe(self, extent: Extent, began: float) -> None:
        """What a read of the channel's row said that began at `began`, by the loop's clock.

        It may be older than what is known already and is then passed by: a read that began before the present epoch was
        learned can't bring the last one back.
        """
        if extent.epoch != self.epoch:
            if began < self._epoch_since:
                return
            self._epoch_since = asyncio.get_running_loop().time()
            self.epoch, self.first = extent.epoch, extent.first
            self._ring = Ring(extent.last, self._settings.ring_updates, self._settings.ring_bytes)
            if self._unplaced[0] == extent.epoch:
                self._ring.seen = max(self._ring.seen, self._unplaced[1])
                self._mind_the_gap()
            self._tell()
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
            self._doubt()  # Another log, newer or older than ours: the channel's row will tell.
            return
        if self._ring.offer(entries):
            self._tell()
        self._mind_the_gap()

    def delete(self) -> None:
        """The channel is gone."""
        self.deleted = True
        self._tell()

    def wake(self) -> None:
        """Let every watcher look at its own state again."""
        self._news.set()
        self._news.clear()

    async def news(self) -> None:
        """Return at the next change. A change between two calls is not told: look before waiting."""
        await self._news.wait()

    def ready(self, seq: int) -> Batch | None:
        """The next batch after `seq` out of the ring, the same for all who ask; None when only the log has it."""
        batch = self._batches.get(seq)
        if batch is None:
            entries = self._ring.after(seq, self._settings.page_updates, self._settings.batch_bytes)
            if entries is None or self.epoch is None:
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
                return await self._flights.fly((self.channel_id, seq), lambda: self._query(seq))
            except Unavailable:
                await asyncio.sleep(self._settings.poll_interval)

    def close(self) -> None:
        """Let go of the timer."""
        if self._gap_timer is not None:
            self._gap_timer.cancel()
            self._gap_timer = None

    async def _query(self, seq: int) -> Page | None:
        self._metrics.log_reads.inc()
        began = asyncio.get_running_loop().time()
        found = await self._read_log(self.channel_id, seq)
        if found is None:
            return None
        extent, entries = found
        return Page(extent, began, split(extent.epoch, entries, self._settings.batch_bytes))

    def _tell(self) -> None:
        self._batches.clear()
        self.wake()

    def _mind_the_gap(self) -> None:
        """Something is committed that did not come: give it a moment, for hints overtake one another."""
        if self._ring.gap and self._gap_timer is None:
            loop = asyncio.get_running_loop()
            self._gap_timer = loop.call_later(self._settings.early_wait, self._give_up)
        elif not self._ring.gap:
            self.close()

    def _give_up(self) -> None:
        self._gap_timer = None
        if self._ring.gap:
            self._metrics.hints_lost.inc()
            self._ring.jump()
            self._tell()
