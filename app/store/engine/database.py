"""The engine, and the two ways to use it: a transaction that writes, a transaction that reads."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.config import Settings
from app.errors import InvalidUpdate, Unavailable
from app.store.engine.engines import ALONE, WRITES, async_engine, dialect_of
from app.store.log.postgres import Latest
from app.store.log.writers import Postgres, PostgresWriter, SqliteWriter

# What a stopped, restarted, full or locked database looks like from here.
_OUTAGES = (
    DBAPIError,
    sqlite3.Error,
    PoolTimeout,
    TimeoutError,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)

type Transaction = AsyncConnection
_LONG = 600.0


class Unstorable(InvalidUpdate):
    """The database itself refused a value or broke a constraint over it; nothing of the transaction was stored."""


class Database:
    """A pool of connections: every use ends within a bound, and an outage is an `Unavailable`."""

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigError when the settings can't be a database."""
        self._settings = settings
        self.dialect = dialect_of(settings)
        self.engine = async_engine(settings)
        # SQLite has one writer: waiting here is fair and free, waiting in its busy handler is neither.
        self._writer = asyncio.Lock() if self.dialect == "sqlite" else None
        self._latest = Latest()
        self._log: SqliteWriter | PostgresWriter
        if self.dialect == "sqlite":
            self._log = SqliteWriter(settings)
        else:
            self._log = PostgresWriter(self.engine, settings.commit_timeout)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes: committed at the end, or rolled back by any exception.

        Raises Unavailable when the database can't be reached or does not answer, Unstorable when it refuses a value.
        """
        async with self._bounded(None), self._writing(self.engine) as connection:
            yield connection

    @asynccontextmanager
    async def long_transaction(self) -> AsyncIterator[AsyncConnection]:
        """As `transaction`, for what may take minutes, up to ten: a migration, a log removed whole.

        On a connection of its own, for the pool's give every statement up after the query timeout.
        """
        engine = async_engine(self._settings, patience=_LONG)
        try:
            async with self._bounded(_LONG), self._writing(engine) as connection:
                yield connection
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def _writing(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        async with self._writer or nullcontext(), engine.connect() as connection:
            await connection.execution_options(**{WRITES: True})
            async with connection.begin():
                yield connection

    async def write_sqlite[T](self, work: Callable[[sqlite3.Connection], T], within: float) -> T:
        """What `work` returns, as one transaction that writes, in the log's own thread. Raises as `transaction`."""
        assert self._writer is not None and isinstance(self._log, SqliteWriter)
        with _outages():
            # A lock that is free makes who asks wait all the same, once somebody else was promised it.
            async with asyncio.timeout(within):
                await self._writer.acquire()
            try:
                return await self._log.write(work, within)
            finally:
                self._writer.release()

    async def write_postgres[T](self, work: Callable[[Postgres, Latest], Awaitable[T]], within: float) -> T:
        """What `work` returns, which commits, on the log's own connection. Raises as `transaction`."""
        assert isinstance(self._log, PostgresWriter)
        try:
            async with self._bounded(within):
                return await self._log.write(lambda connection: work(connection, self._latest))
        except BaseException:
            self._latest.forget()  # What was under way may be committed, or not.
            raise

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads, beside any writer: all its queries see one moment. Raises Unavailable."""
        async with self._bounded(None), self.engine.connect() as connection:
            if self.dialect == "postgresql":
                await connection.execution_options(isolation_level="REPEATABLE READ")
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[AsyncConnection]:
        """For one query that reads, without the round trips of a transaction. Raises Unavailable."""
        alone: dict[str, Any] = {ALONE: True} if self.dialect == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
        async with self._bounded(None), self.engine.connect() as connection:
            await connection.execution_options(**alone)
            yield connection

    async def ping(self) -> None:
        """Raises Unavailable when the database does not answer."""
        async with self.reading() as tx:
            await tx.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Give every connection back."""
        await self._log.close()
        await self.engine.dispose()

    def _bounded(self, within: float | None) -> AbstractAsyncContextManager[None]:
        return _bounded(within or self._settings.query_timeout)


@asynccontextmanager
async def _bounded(within: float | None) -> AsyncIterator[None]:
    with _outages():
        async with asyncio.timeout(within):
            yield


@contextmanager
def _outages() -> Iterator[None]:
    try:
        yield
    except _OUTAGES as error:
        if _refuses_a_value(error):
            raise Unstorable("The database can't store this.") from error
        raise Unavailable("The database can't be reached or is busy; try again.", retry_after=1) from error


def _refuses_a_value(error: BaseException) -> bool:
    """Is it about what was to be stored, and not about the database? By SQLSTATE's class, where there is one."""
    if isinstance(error, IntegrityError | DataError | sqlite3.IntegrityError | sqlite3.DataError | asyncpg.DataError):
        return True
    origin = getattr(error, "orig", error)
    state = getattr(origin, "sqlstate", None) or ""
    return state[:2] in ("22", "23", "54") or isinstance(getattr(origin, "__cause__", None), asyncpg.DataError)
