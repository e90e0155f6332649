"""Outages: what the drivers raise for a database that can't be reached, and for a value that it refuses."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import InvalidUpdate, Unavailable

# What a stopped, restarted, full or locked database looks like from here.
OUTAGES = (
    DBAPIError,
    sqlite3.Error,
    PoolTimeout,
    TimeoutError,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)


class Unstorable(InvalidUpdate):
    """The database itself refused a value or broke a constraint over it; nothing of the transaction was stored."""


@contextmanager
def outages() -> Iterator[None]:
    """Raise Unavailable for an outage inside the block, Unstorable for a value that the database refuses."""
    try:
        yield
    except OUTAGES as error:
        raise refusal_of(error) from error


def refusal_of(error: Exception) -> Unavailable | Unstorable:
    """What to raise for one of OUTAGES."""
    if _refuses_a_value(error):
        return Unstorable("The database can't store this.")
    return Unavailable("The database can't be reached or is busy; try again.", retry_after=1)


def _refuses_a_value(error: BaseException) -> bool:
    """Is it about what was to be stored, and not about the database? By SQLSTATE's class, where there is one."""
    if isinstance(error, IntegrityError | DataError | sqlite3.IntegrityError | sqlite3.DataError | asyncpg.DataError):
        return True
    origin = getattr(error, "orig", error)
    state = getattr(origin, "sqlstate", None) or ""
    return state[:2] in ("22", "23", "54") or isinstance(getattr(origin, "__cause__", None), asyncpg.DataError)
