"""Pages of the log on their way to watchers that are behind: one query for all who come to the same place."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from app.live.single_flight import SingleFlight
from app.model.batch import Batch
from app.model.position import Extent
from app.tasks import TaskScope

_SECONDS = 1.0
_MOST = 16  # Of some 128 KiB, and what they are encoded to.

type Place = tuple[int, str, int]  # Channel id, epoch, seq.


@dataclass(frozen=True, slots=True)
class Page:
    """What follows a position, in batches ready for a socket, and what the log held at that same moment."""

    extent: Extent
    began: float  # When the reading did, by the loop's clock: see Feed.observe.
    batches: Sequence[Batch]


class Pages:
    """Who asks for a page that is being read waits for it, and who comes within the next second has it at once: a herd
    takes turns, so its members come to a place one after the other. What has been read of a log stays true of it."""

    def __init__(self, tasks: TaskScope) -> None:
        self._flights: SingleFlight[Place, Page | None] = SingleFlight(tasks)
        self._kept: dict[Place, Page] = {}

    async def at(self, place: Place, read: Callable[[], Awaitable[Page | None]]) -> Page | None:
        """What `read` returns or raises, or what it returned to somebody else at that place a moment ago."""
        kept = self._kept.get(place)
        return kept if kept is not None else await self._flights.run(place, partial(self._read, place, read))

    async def _read(self, place: Place, read: Callable[[], Awaitable[Page | None]]) -> Page | None:
        page = await read()
        # One that holds nothing, or is of another log, would have its reader ask again at once.
        if page is not None and page.batches and page.extent.epoch == place[1]:
            if len(self._kept) >= _MOST:
                del self._kept[next(iter(self._kept))]
            self._kept[place] = page
            asyncio.get_running_loop().call_later(_SECONDS, self._forget, place, page)
        return page

    def _forget(self, place: Place, page: Page) -> None:
        if self._kept.get(place) is page:
            del self._kept[place]
