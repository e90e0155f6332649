"""The engine and its transactions: for writing, for reading, and for a single query."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.config import Settings
from app.store.engine.engines import ALONE, WRITES, async_engine, dialect_of
from app.store.engine.outages import Outages

type Transaction = AsyncConnection
LONG_TRANSACTION_S = 600.0
_LEAST_SPACE = 256 * 1024  # Bytes: the largest update, its words, and room in SQLite's write-ahead log.


class Database:
    """A pool of connections: every use ends within a bound, and an outage is an `Unavailable`."""

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigError for an invalid database URL."""
        self._settings = settings
        self.migrations = settings.migrations  # The packages whose migrations belong to its schema.
        self.dialect = dialect_of(settings)
        self.engine = async_engine(settings)
        self.outages = Outages()
        # SQLite has one writer. Waiting for this lock is fair and costs nothing; waiting in SQLite's busy handler is
        # neither fair nor free.
        self.writer = asyncio.Lock() if self.dialect == "sqlite" else None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes: committed at the end, rolled back on any exception.

        Raises Unavailable when the database can't be reached or does not answer, Unstorable when it refuses a value.
        """
        async with self._bounded(None), self._writing(self.engine) as connection:
            yield connection

    @asynccontextmanager
    async def long_transaction(self) -> AsyncIterator[AsyncConnection]:
        """As `transaction`, for work that may take up to ten minutes: a migration, the removal of a whole log.

        It uses a connection of its own: the pool's connections cancel a statement after the query timeout.
        """
        engine = async_engine(self._settings, patience=LONG_TRANSACTION_S)
        try:
            async with self._bounded(LONG_TRANSACTION_S), self._writing(engine) as connection:
                yield connection
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def _writing(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        async with self.writer or nullcontext(), engine.connect() as connection:
            await connection.execution_options(**{WRITES: True})
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads, and runs beside any writer: all its queries see one snapshot.

        Raises Unavailable.
        """
        async with self._bounded(None), self.engine.connect() as connection:
            if self.dialect == "postgresql":
                await connection.execution_options(isolation_level="REPEATABLE READ")
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[AsyncConnection]:
        """A connection for a single query that reads, without the round trips of a transaction. Raises Unavailable."""
        options: dict[str, Any] = {ALONE: True} if self.dialect == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
        async with self._bounded(None), self.engine.connect() as connection:
            await connection.execution_options(**options)
            yield connection

    async def check_write(self) -> None:
        """Commit a write that changes nothing a reader sees. Raises Unavailable when the database can't be reached, is
        read-only or full, or has no schema."""
        async with self.transaction() as tx:
            await tx.execute(text("SELECT version_num FROM alembic_version"))
            if (path := self._settings.sqlite_path) is not None:
                await asyncio.to_thread(_check_space, path)
                # SQLite skips an UPDATE to the same value; this number has no meaning, and changes each time.
                number = (await tx.execute(text("PRAGMA user_version"))).scalar_one()
                await tx.execute(text(f"PRAGMA user_version = {(int(number) + 1) % 2**31}"))
            else:
                await tx.execute(text("UPDATE alembic_version SET version_num = version_num"))

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

    @asynccontextmanager
    async def _bounded(self, within: float | None) -> AsyncIterator[None]:
        with self.outages.refused():
            async with asyncio.timeout(within or self._settings.query_timeout):
                yield


def _check_space(path: Path) -> None:
    """Raise OSError for a disk on which the next publish may not fit: the check's own write is smaller than one."""
    found = os.statvfs(path.absolute().parent)
    if found.f_bavail * found.f_frsize < _LEAST_SPACE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
