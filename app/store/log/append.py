"""Appending to the log: the one way in, a transaction that locks the channels' rows, numbers, stores, and commits."""

from collections.abc import Sequence
from functools import partial

from app.store.engine.database import Database
from app.store.log import postgres as log_postgres
from app.store.log import sqlite as log_sqlite
from app.store.log.numbering import Allow, Outcome, Stored, Submitted

__all__ = ["Allow", "Outcome", "Stored", "Submitted", "append"]


async def append(db: Database, group: Sequence[Submitted], at: int, allow: Allow, within: float) -> list[Outcome]:
    """Number and store a group, in its order, committed `within` so many seconds; an outcome for each. `allow` raises
    the Refusal of what may not be. Raises Unavailable or Unstorable: then nothing of the group was stored.

    A refused submission stores nothing and its neighbours don't notice. The channels' rows stay locked until the
    transaction ends, taken in the order of their ids, so that two groups never wait for one another in a circle.
    """
    if db.dialect == "sqlite":
        return await db.write_sqlite(partial(log_sqlite.append, group=group, at=at, allow=allow), within)
    return await db.write_postgres(partial(log_postgres.append, group=group, at=at, allow=allow), within)
