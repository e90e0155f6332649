"""How the live part reads the log when a watcher is behind."""

from app.model.position import Extent
from app.model.update import Entry
from app.store.engine.database import Database
from app.store.log import read as history


async def read_log(
    db: Database, channel_id: int, after: int, most: int, most_bytes: int
) -> tuple[Extent, tuple[Entry, ...]] | None:
    """What the live part reads when a watcher is behind."""
    async with db.reading() as tx:
        page = await history.read_after(tx, channel_id, after, most, most_bytes)
    return None if page is None else (page.extent, page.entries)
