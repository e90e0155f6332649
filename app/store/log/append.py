"""Appending to the log: the one way in, a transaction that locks the channels' rows, numbers, stores, and commits."""

from collections.abc import Sequence
from typing import Protocol

from app.config import Settings
from app.model.submission import Outcome, Submitted
from app.store.engine.database import Database
from app.store.log.numbering import Allow
from app.store.log.postgres import PostgresLog
from app.store.log.sqlite import SqliteLog


class Log(Protocol):
    """The log of every channel. It owns the connection that writes it."""

    async def append(self, group: Sequence[Submitted], at: int, allow: Allow, within: float) -> list[Outcome]:
        """Number and store a group, in its order, committed `within` so many seconds; an outcome for each. `allow`
        raises the Refusal of what may not be. Raises Unavailable or Unstorable: then nothing of the group was stored.

        A refused submission stores nothing, and the rest of the group is not affected. The channels' rows stay locked
        until the transaction ends, taken in the order of their ids, so that two groups never wait in a circle.
        """

    async def close(self) -> None:
        """Close the connection, after what is under way."""


def open_log(db: Database, settings: Settings) -> Log:
    """The log in this database; it connects at the first append."""
    if db.writer is not None:
        return SqliteLog(settings, db.writer, db.outages)
    return PostgresLog(db.engine, db.outages, settings.commit_timeout)
