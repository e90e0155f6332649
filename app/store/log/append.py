"""Appending to the log: the one way in, a transaction that locks the channels' rows, numbers, stores, and commits."""

from collections.abc import Sequence

from app.config import Settings
from app.model.submission import Outcome, Submitted
from app.store.engine.database import Database
from app.store.engine.outages import outages
from app.store.log.numbering import Allow
from app.store.log.postgres import PostgresLog
from app.store.log.sqlite import SqliteLog


class Log:
    """The log of every channel. It owns the connection that writes it."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._log: SqliteLog | PostgresLog
        if db.writer is not None:
            self._log = SqliteLog(settings, db.writer)
        else:
            self._log = PostgresLog(db.engine, settings.commit_timeout)

    async def append(self, group: Sequence[Submitted], at: int, allow: Allow, within: float) -> list[Outcome]:
        """Number and store a group, in its order, committed `within` so many seconds; an outcome for each. `allow`
        raises the Refusal of what may not be. Raises Unavailable or Unstorable: then nothing of the group was stored.

        A refused submission stores nothing, and the rest of the group is not affected. The channels' rows stay locked
        until the transaction ends, taken in the order of their ids, so that two groups never wait in a circle.
        """
        with outages():
            return await self._log.append(group, at, allow, within)

    async def close(self) -> None:
        """Close the connection, after what is under way."""
        await self._log.close()
