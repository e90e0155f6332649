"""Outages: what the drivers raise for a database that can't be used, and for a value that it refuses."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import Cause, InvalidUpdate, Unavailable
from app.store.engine.causes import cause_of

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

type Notify = Callable[[Cause], None]


class Unstorable(InvalidUpdate):
    """The database itself refused a value or broke a constraint over it; nothing of the transaction was stored."""


class Outages:
    """Turns a driver's error into a refusal, and reports the cause: of every use of one database, in one place."""

    def __init__(self) -> None:
        self._notify: Notify = _ignore

    def on_outage(self, notify: Notify) -> None:
        """Call `notify` for every outage from now on."""
        self._notify = notify

    @contextmanager
    def refused(self) -> Iterator[None]:
        """Raise Unavailable for an outage inside the block, Unstorable for a value that the database refuses."""
        try:
            yield
        except OUTAGES as error:
            raise self.refusal_of(error) from error

    def refusal_of(self, error: Exception) -> Unavailable | Unstorable:
        """What to raise for one of OUTAGES."""
        if _refuses_a_value(error):
            return Unstorable("The database can't store this.")
        cause = cause_of(error)
        self._notify(cause)
        return Unavailable("The database can't be reached or is busy; try again.", retry_after=1, cause=cause)


def _ignore(_: Cause) -> None:
    pass


def _refuses_a_value(error: BaseException) -> bool:
    """Is it about what was to be stored, and not about the database? By SQLSTATE's class, where there is one."""
    if isinstance(error, IntegrityError | DataError | sqlite3.IntegrityError | sqlite3.DataError | asyncpg.DataError):
        return True
    origin = getattr(error, "orig", error)
    state = getattr(origin, "sqlstate", None) or ""
    return state[:2] in ("22", "23", "54") or isinstance(getattr(origin, "__cause__", None), asyncpg.DataError)
