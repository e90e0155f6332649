"""How the live part reads the log when a watcher is behind."""

from app.model.position import Extent
from app.model.update import Entry
from app.store.engine.database import Database
from app.store.log import read as history

_MAX_KNOWN = 1000
_LEAST_ROWS = 8


class LogReader:
    """Reads pages of the log, and remembers of which channels few updates fill one.

    The database looks at as many rows as are asked for, whatever their size: of the largest, 500 for the two that fit.
    """

    def __init__(self, db: Database, max_updates: int, max_bytes: int) -> None:
        """A page has up to `max_updates`, and ends with the one that crosses `max_bytes`."""
        self._db = db
        self._max_updates = max_updates
        self._max_bytes = max_bytes
        self._rows: dict[int, int] = {}  # By channel id, where it is less than `max_updates`.

    async def read(self, channel_id: int, after: int) -> tuple[Extent, tuple[Entry, ...]] | None:
        """The page of entries after `after`, oldest first, and the log's extent at that moment; None when the channel
        is gone. Raises Unavailable."""
        rows = self._rows.get(channel_id, self._max_updates)
        async with self._db.reading() as tx:
            page = await history.read_after(tx, channel_id, after, rows, self._max_bytes)
        if page is None:
            return None
        if page.entries and page.entries[-1].seq < page.extent.last:
            self._remember(channel_id, 2 * len(page.entries))
        return page.extent, page.entries

    def _remember(self, channel_id: int, rows: int) -> None:
        self._rows.pop(channel_id, None)
        if rows < self._max_updates:
            if len(self._rows) >= _MAX_KNOWN:
                del self._rows[next(iter(self._rows))]
            self._rows[channel_id] = max(rows, _LEAST_ROWS)
