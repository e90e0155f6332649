"""Pages of the log for watchers that are behind: one query for all watchers at the same position."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from app.live.single_flight import SingleFlight
from app.model.batch import Batch
from app.model.position import Extent
from app.tasks import TaskScope

KEPT_S = 1.0
MAX_KEPT = 16  # Each of some 128 KiB, plus its encoded forms.

type PageKey = tuple[int, str, int]  # Channel id, epoch, seq.


@dataclass(frozen=True, slots=True)
class Page:
    """The entries after a position, in batches ready for a socket, and the log's extent at that moment."""

    extent: Extent
    began: float  # When the read began, by the loop's clock: see Feed.observe.
    batches: Sequence[Batch]


class Pages:
    """Concurrent reads of a page share one query, and a page is kept for a second: a reconnect storm goes through a
    fair queue, so its watchers reach a position one after the other. A page of a log never changes."""

    def __init__(self, tasks: TaskScope) -> None:
        self._reads: SingleFlight[PageKey, Page | None] = SingleFlight(tasks)
        self._kept: dict[PageKey, Page] = {}

    async def at(self, key: PageKey, read: Callable[[], Awaitable[Page | None]]) -> Page | None:
        """What `read` returns or raises, or what it returned for this key within the last second."""
        kept = self._kept.get(key)
        return kept if kept is not None else await self._reads.run(key, partial(self._read, key, read))

    async def _read(self, key: PageKey, read: Callable[[], Awaitable[Page | None]]) -> Page | None:
        page = await read()
        # A page that is empty, or of another log, is not kept: its readers would read it again at once, in a loop.
        if page is not None and page.batches and page.extent.epoch == key[1]:
            if len(self._kept) >= MAX_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = page
            asyncio.get_running_loop().call_later(KEPT_S, self._forget, key, page)
        return page

    def _forget(self, key: PageKey, page: Page) -> None:
        if self._kept.get(key) is page:
            del self._kept[key]
