"""An in-memory log for the live part's tests: entries are committed, trimmed and read."""

import asyncio
from collections.abc import Sequence

from app.model.position import Extent
from app.model.update import Entry

PAGE = 7


class Journal:
    """One channel's log; `ReadLog` for a feed. A read takes a pass of the loop, as a query does."""

    def __init__(self) -> None:
        self.epoch = "e1"
        self.first = 1
        self.entries: list[Entry] = []
        self.deleted = False
        self.reads = 0

    @property
    def extent(self) -> Extent:
        return Extent(self.epoch, self.first, len(self.entries))

    def commit(self, count: int) -> list[Entry]:
        fresh = [
            Entry(seq, b'{"type":"update","epoch":"%s","seq":%d}' % (self.epoch.encode(), seq))
            for seq in range(len(self.entries) + 1, len(self.entries) + 1 + count)
        ]
        self.entries += fresh
        return fresh

    def trim(self, keep: int) -> None:
        self.first = max(self.first, len(self.entries) - keep + 1)

    def empty(self) -> None:
        self.epoch, self.first, self.entries = f"e{int(self.epoch[1:]) + 1}", 1, []

    async def read(self, channel_id: int, after: int) -> tuple[Extent, Sequence[Entry]] | None:
        self.reads += 1
        await asyncio.sleep(0)
        if self.deleted:
            return None
        begin = max(after, self.first - 1)
        return self.extent, self.entries[begin : begin + PAGE]
