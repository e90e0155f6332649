"""A watch: one reader's position in one channel, followed from the past into the present without a seam."""

import asyncio
import logging
from collections.abc import Callable

from app.live.events import Ended, Reset, WatchEvent
from app.live.feed import Feed
from app.live.pages import Page
from app.model.access import Principal
from app.model.position import Extent, Place, Start, place
from app.transport.sink import Sink

log = logging.getLogger("tidewire.live")


class Watch:
    """A position and nothing else: `(epoch, seq)`, no queue.

    While the position is the newest that riders have been written it rides: the feed writes it what everybody gets, and
    it costs nothing else. While it is behind, whatever the cause, a task of its own reads: the next batch from the ring
    or the next page from the log, as fast as its socket takes them. It changes from one to the other in one step.
    """

    __slots__ = ("_reading", "_reset", "_seq", "_sink", "_tell", "came", "ended", "epoch", "feed", "present", "who")

    def __init__(self, feed: Feed, who: Principal) -> None:
        self.feed = feed
        self.who = who
        self.epoch = ""
        self.came = 0
        self.present = False
        self.ended: str | None = None
        self._seq = 0
        self._reset: Reset | None = None
        self._sink: Sink | None = None
        self._tell: Callable[[WatchEvent], None] | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def seq(self) -> int:
        """What it was written last, while it reads; riders' position is the feed's."""
        return self._seq

    def begin(self, start: Start, extent: Extent) -> Place:
        """Take the place that `start` asks for in the log as it stands, and tell which that was."""
        found = place(start, extent)
        self.epoch, self._seq = extent.epoch, found.seq
        if found.reset is not None:
            self._reset = Reset(found.reset, extent.epoch, extent.first, extent.last)
        return found

    def on_end(self, tell: Callable[[WatchEvent], None]) -> None:
        """Call `tell` at `end`, for who holds the watch without following it."""
        self._tell = tell

    def follow(self, sink: Sink, tell: Callable[[WatchEvent], None]) -> None:
        """Write everything after the position to `sink`, in order, each once; `tell` what is not an update.

        Both are called in the order of things: what `tell` says in the sink stands at its place between the updates.
        """
        self._sink, self._tell = sink, tell
        if self.ended is not None or self.feed.deleted:
            tell(Ended(self.ended or "deleted"))
        elif self._reset is not None or not self.feed.ride(self, sink):
            self._read()

    def fall_behind(self, seq: int) -> None:
        """For the feed: the watch rides no more, `seq` is the last that it was written."""
        self._seq = seq
        self._read()

    def end(self, reason: str) -> None:
        """End it at once, with this reason; nothing of the log is written any more."""
        if self.ended is not None:
            return
        self.ended = reason
        self.stop()
        if self._tell is not None:
            self._tell(Ended(reason))

    def stop(self) -> None:
        """Write nothing more, and say nothing of it."""
        self.feed.alight(self)
        if self._reading is not None and self._reading is not asyncio.current_task():
            self._reading.cancel()

    def _read(self) -> None:
        self._reading = self.feed.live.tasks.spawn(self._catch_up(), "watch: read")

    async def _catch_up(self) -> None:
        try:
            while self.ended is None and not await self._step():
                pass
        except Exception:
            log.exception("A watch of channel %d failed", self.feed.channel_id)
            self.end("failed")
        finally:
            self._reading = None

    async def _step(self) -> bool:
        """One step towards the riders; True when there is no further one to make: it rides, or has nowhere to write."""
        feed, sink, tell = self.feed, self._sink, self._tell
        assert feed.epoch is not None and sink is not None and tell is not None
        if sink.closed:
            return True
        if self._reset is not None:
            reset, self._reset = self._reset, None
            tell(reset)
        if feed.epoch != self.epoch:
            self.epoch, self._seq = feed.epoch, feed.first - 1
            tell(Reset("epoch", feed.epoch, feed.first, feed.head))
        if feed.ride(self, sink):
            return True
        if self._seq > feed.told:
            await feed.news()
            return False
        await sink.drain()
        if self._has_moved_on():
            return False
        if feed.ready(self._seq) is None:
            page = await feed.page(self._seq)
            await feed.live.turns.take()  # All who asked for it have it in one moment, and the riders come first.
            self._take(page)
            return False
        await feed.live.turns.take()
        if not self._has_moved_on() and (batch := feed.ready(self._seq)) is not None and sink.write(batch):
            self._seq = batch.last
            feed.live.metrics.delivered.inc(len(batch.entries))
        return False

    def _has_moved_on(self) -> bool:
        """Is what comes next another question than before there was time to wait?"""
        return self.ended is not None or self.feed.epoch != self.epoch or self._seq >= self.feed.told

    def _take(self, page: Page | None) -> None:
        """A page of the log, and the reset before it when the log no longer reaches back; nothing of it is kept."""
        feed, sink, tell = self.feed, self._sink, self._tell
        assert sink is not None and tell is not None
        if self.ended is not None:
            return
        if page is None:
            feed.delete()
            return
        feed.observe(page.extent, page.began)
        if page.extent.epoch != self.epoch:
            return
        if page.extent.first > self._seq + 1:
            self._seq = page.extent.first - 1
            tell(Reset("expired", self.epoch, page.extent.first, page.extent.last))
        for batch in page.batches:
            if not sink.write(batch):
                break
            self._seq = batch.last
            feed.live.metrics.delivered.inc(len(batch.entries))
