"""Filling the index of words, behind the commits."""

import logging

from app.errors import Unavailable
from app.model.update import Entry
from app.store.engine.database import Database
from app.store.engine.outages import Unstorable
from app.store.log import search as word_index
from app.tasks import TaskScope

log = logging.getLogger("tidewire.words")


class WordIndex:
    """Has each log's words indexed when some thousand updates have come. Until then a search looks through those."""

    def __init__(self, db: Database, tasks: TaskScope) -> None:
        self._db = db
        self._tasks = tasks
        self._due: dict[int, str] = {}  # The epoch by channel id.
        self._filling = False

    def committed(self, channel_id: int, epoch: str, entries: list[Entry]) -> None:
        """These were appended: if that are some thousand, have them indexed soon."""
        if word_index.completes(entries[0].seq, entries[-1].seq):
            self._index_soon(channel_id, epoch)

    async def catch_up(self) -> None:
        """Have everything indexed soon that was left: by another version, a crash, an outage. Raises Unavailable."""
        async with self._db.looking() as tx:
            found = await word_index.behind(tx)
        for channel_id, epoch in found:
            self._index_soon(channel_id, epoch)

    def _index_soon(self, channel_id: int, epoch: str) -> None:
        self._due[channel_id] = epoch
        if not self._filling:
            self._filling = True
            self._tasks.spawn(self._fill(), "index words")

    async def _fill(self) -> None:
        """One transaction a channel, one channel after the other, so that a long log lets the others pass."""
        try:
            while self._due:
                channel_id = next(iter(self._due))
                epoch = self._due.pop(channel_id)
                if await self._index_some(channel_id, epoch):
                    self._due.setdefault(channel_id, epoch)
        finally:
            self._filling = False

    async def _index_some(self, channel_id: int, epoch: str) -> bool:
        """Is there more to be indexed? The words are read before the log is locked for them."""
        try:
            async with self._db.looking() as tx:
                runs = await word_index.following(tx, channel_id, epoch)
            if runs is None:
                return False
            async with self._db.transaction() as tx:
                await word_index.add(tx, runs)
        except Unstorable:
            return False  # Another hub was quicker, and goes on by itself.
        except Unavailable as error:
            log.warning("The words of channel %d are not indexed yet: %s", channel_id, error.__cause__ or error)
            return False
        except Exception:
            log.exception("The words of channel %d could not be indexed", channel_id)
            return False
        return runs.is_behind
