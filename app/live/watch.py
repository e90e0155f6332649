"""A watch: one reader's position in one channel, followed from the log to the live updates without a gap."""

import asyncio
import logging
from collections.abc import Callable

from app.live.events import Ended, EndReason, Reset, WatchEvent
from app.live.feed import Feed
from app.live.pages import Page
from app.model.access import Principal
from app.model.position import Extent, Start, StartPoint, start_point
from app.transport.sink import Sink

log = logging.getLogger("tidewire.live")


class Watch:
    """A position `(epoch, seq)`, without a queue. Created by `Hub.subscribe`, ended by `close`.

    While its position is the newest that live watchers were sent, it is attached: the feed writes it what all others
    receive, and it has no task. While it is behind, for any reason, a task of its own reads: the next batch of the ring
    or the next page of the log, as fast as its socket accepts them. A change between the two is one synchronous step.
    """

    __slots__ = ("_closed", "_notify", "_on_close", "_reading", "_reset", "_seq", "_sink", "admitted", "ended",
                 "epoch", "feed", "present", "who")  # fmt: skip

    def __init__(self, feed: Feed, who: Principal, on_close: Callable[["Watch"], None]) -> None:
        """`on_close` is called once, by `close`."""
        self.feed = feed
        self.who = who
        self.epoch = ""
        self.admitted = 0  # Its number among all admitted watches; 0 until it is admitted: the reconciler skips it.
        self.present = False
        self.ended: EndReason | None = None
        self._closed = False
        self._on_close = on_close
        self._seq = 0
        self._reset: Reset | None = None
        self._sink: Sink | None = None
        self._notify: Callable[[WatchEvent], None] | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def seq(self) -> int:
        """The last seq that was written to it, while it reads; the position of a live watcher is the feed's `sent`."""
        return self._seq

    def begin(self, start: Start, extent: Extent) -> StartPoint:
        """Set the position to the start point that `start` requests in this extent, and return the start point."""
        found = start_point(start, extent)
        self.epoch, self._seq = extent.epoch, found.seq
        if found.reset is not None:
            self._reset = Reset(found.reset, extent.epoch, extent.first, extent.last)
        return found

    def on_end(self, notify: Callable[[WatchEvent], None]) -> None:
        """Call `notify` at `end`, for a holder that does not follow the channel."""
        self._notify = notify

    def follow(self, sink: Sink, notify: Callable[[WatchEvent], None]) -> None:
        """Write everything after the position to `sink`, once and in order; call `notify` for every other event.

        Both are called in order: what `notify` writes to the sink is between the right updates.
        """
        self._sink, self._notify = sink, notify
        if self.ended is not None or self.feed.deleted:
            notify(Ended(self.ended or EndReason.DELETED))
        elif self._reset is not None or not self.feed.attach(self, sink):
            self._read()

    def fall_behind(self, seq: int) -> None:
        """Read on from `seq`, the last that was written. The feed calls this after it detached the watch."""
        self._seq = seq
        self._read()

    def end(self, reason: EndReason) -> None:
        """End the watch from inside the hub, and notify its holder, which closes it. Nothing more is written."""
        if self.ended is not None:
            return
        self.ended = reason
        self._stop()
        if self._notify is not None:
            self._notify(Ended(reason))

    def close(self) -> None:
        """End the watch, for its holder: nothing more is written or notified. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._stop()
        self.ended = self.ended or EndReason.CLOSED  # A later `end` does nothing.
        self._on_close(self)

    def _stop(self) -> None:
        self.feed.detach(self)
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
            self.end(EndReason.FAILED)
        finally:
            self._reading = None

    async def _step(self) -> bool:
        """One step towards the newest position; True after the last: the watch is live, or its sink is closed."""
        feed, sink, notify = self.feed, self._sink, self._notify
        assert feed.epoch is not None and sink is not None and notify is not None
        if sink.closed:
            return True
        if self._reset is not None:
            reset, self._reset = self._reset, None
            notify(reset)
        if feed.epoch != self.epoch:
            self.epoch, self._seq = feed.epoch, feed.first - 1
            notify(Reset("epoch", feed.epoch, feed.first, feed.head))
        if feed.attach(self, sink):
            return True
        if self._seq > feed.sent:
            await feed.news()
            return False
        await sink.drain()
        if self._has_changed():
            return False
        if feed.ready(self._seq) is None:
            page = await feed.page(self._seq)
            await feed.live.fair_queue.take()  # All watches that share the page wake at once; live watchers go first.
            self._take(page)
            return False
        await feed.live.fair_queue.take()
        if not self._has_changed() and (batch := feed.ready(self._seq)) is not None and sink.write(batch):
            self._seq = batch.last
            feed.live.metrics.delivered.inc(len(batch.entries))
        return False

    def _has_changed(self) -> bool:
        """True if the next step must be decided again after a wait."""
        return self.ended is not None or self.feed.epoch != self.epoch or self._seq >= self.feed.sent

    def _take(self, page: Page | None) -> None:
        """Write a page of the log, and before it a reset when the log no longer holds the position's next update."""
        feed, sink, notify = self.feed, self._sink, self._notify
        assert sink is not None and notify is not None
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
            notify(Reset("expired", self.epoch, page.extent.first, page.extent.last))
        for batch in page.batches:
            if not sink.write(batch):
                break
            self._seq = batch.last
            feed.live.metrics.delivered.inc(len(batch.entries))
