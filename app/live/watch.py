"""A watch: one reader's position in one channel, followed from the past into the present without a seam."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import nullcontext

from app.live.feed import Feed
from app.live.frame import Ended, Happening, Reset, Silence
from app.model.access import Principal
from app.model.position import Extent, Place, Start, place

_SILENCE = Silence()


class Watch:
    """A position and nothing else: `(epoch, seq)`, no queue.

    While the position is the feed's newest it rides: what comes is handed over as the batch that everybody gets.
    When it is behind, whatever the cause, it takes the next batch from the ring or the next page from the log.
    """

    def __init__(self, feed: Feed, who: Principal) -> None:
        self.feed = feed
        self.who = who
        self.epoch = ""
        self.seq = 0
        self.present = False
        self._ended: str | None = None
        self._on_end: Callable[[], None] | None = None
        self._reset: Reset | None = None

    def begin(self, start: Start, extent: Extent) -> Place:
        """Take the place that `start` asks for in the log as it stands, and tell which that was."""
        found = place(start, extent)
        self.epoch, self.seq = extent.epoch, found.seq
        if found.reset is not None:
            self._reset = Reset(found.reset, extent.epoch, extent.first, extent.last)
        return found

    def end(self, reason: str) -> None:
        """Let the watch end at once, with this reason; nothing of the log is handed over any more."""
        self._ended = self._ended or reason
        if self._on_end is not None:
            self._on_end()
        self.feed.wake()

    @property
    def over(self) -> bool:
        """Has it ended, by `end` or with its channel?"""
        return self._ended is not None or self.feed.deleted

    def on_end(self, tell: Callable[[], None]) -> None:
        """Call `tell` at `end`, for who holds the watch without following it."""
        self._on_end = tell

    async def follow(
        self, heartbeat: float | None = None, gate: asyncio.Lock | None = None
    ) -> AsyncGenerator[Happening]:
        """Everything after the position, in order, each once, for as long as the consumer goes on asking.

        With `heartbeat`, in seconds, a Silence is yielded whenever nothing else was for so long. A page of the log is
        held only inside `gate`: a connection that follows many channels and takes nothing holds one page and not many.
        """
        feed = self.feed
        if self._reset is not None:
            yield self._reset
        while True:
            if self.over:
                yield Ended(self._ended or "deleted")
                return
            if feed.epoch != self.epoch:
                assert feed.epoch is not None
                self.epoch, self.seq = feed.epoch, feed.first - 1
                yield Reset("epoch", feed.epoch, feed.first, feed.head)
                continue
            if self.seq >= feed.head:
                if not await self._news(heartbeat):
                    yield _SILENCE
                continue
            batch = feed.ready(self.seq)
            if batch is not None:
                self.seq = batch.last
                yield batch
                continue
            async with gate or nullcontext():
                for happening in await self._read():
                    if self._ended is not None:
                        break
                    yield happening

    async def _read(self) -> list[Happening]:
        """One page of the log, and the reset before it when the log no longer reaches back."""
        page = await self.feed.page(self.seq)
        if page is None:
            self.feed.delete()
            return []
        self.feed.observe(page.extent, page.began)
        if page.extent.epoch != self.epoch:
            return []
        found: list[Happening] = []
        if page.extent.first > self.seq + 1:
            self.seq = page.extent.first - 1
            found.append(Reset("expired", self.epoch, page.extent.first, page.extent.last))
        if page.batches:
            found.extend(page.batches)
            self.seq = page.batches[-1].last
        return found

    async def _news(self, heartbeat: float | None) -> bool:
        if heartbeat is None:
            await self.feed.news()
            return True
        try:
            async with asyncio.timeout(heartbeat):
                await self.feed.news()
        except TimeoutError:
            return False
        return True
