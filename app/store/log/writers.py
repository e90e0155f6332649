"""The connection that writes the log: one, kept, and used as its driver gives it. The hot path can't afford a layer."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
from sqlalchemy import create_engine, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.config import Settings
from app.store.engine.engines import prepare_sqlite

type Postgres = asyncpg.Connection[asyncpg.Record]


class SqliteWriter:
    """One connection in one thread: a whole transaction costs one hop there and back."""

    def __init__(self, settings: Settings) -> None:
        url = make_url(settings.database_url).set(drivername="sqlite+pysqlite")
        self._engine = create_engine(url, pool_size=1, connect_args={"timeout": settings.commit_timeout})
        prepare_sqlite(self._engine)
        self._thread = ThreadPoolExecutor(1, "sqlite")
        self._kept: Any = None

    async def write[T](self, work: Callable[[sqlite3.Connection], T], within: float) -> T:
        """What `work` returns, committed. Raises TimeoutError when it was not committed `within` so many seconds; then
        it never will be: the thread is waited for, because it alone knows whether it came to the commit."""
        late = False

        def give_up() -> None:
            nonlocal late
            late = True

        def run() -> T:
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            try:
                done = work(connection)
                if late:
                    raise TimeoutError("The write took too long and was rolled back.")
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return done

        loop = asyncio.get_running_loop()
        timer = loop.call_later(within, give_up)
        try:
            return await loop.run_in_executor(self._thread, run)
        finally:
            timer.cancel()

    def _connected(self) -> sqlite3.Connection:
        if self._kept is None:
            self._kept = self._engine.raw_connection()
        connection: sqlite3.Connection = self._kept.driver_connection
        return connection

    async def close(self) -> None:
        """Close the connection, after what is under way."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._kept is not None:
            self._kept.close()
        self._engine.dispose()


class PostgresWriter:
    """One of the pool's connections, held for as long as nothing goes wrong on it."""

    def __init__(self, engine: AsyncEngine, patience: float) -> None:
        """`patience` is how long a statement may take, in seconds: the server gives it up then, whoever still waits."""
        self._engine = engine
        self._patience = patience
        self._turn = asyncio.Lock()
        self._held: AsyncConnection | None = None
        self._connection: Postgres | None = None

    async def write[T](self, work: Callable[[Postgres], Awaitable[T]]) -> T:
        """What `work` returns, which commits; whatever it raises, or a cancellation, ends the connection, and with it
        its transaction."""
        async with self._turn:
            try:
                return await work(await self._connected())
            except BaseException:
                if self._connection is not None:
                    self._connection.terminate()
                raise

    async def _connected(self) -> Postgres:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        await self.close()
        self._held = await self._engine.connect()
        connection: Postgres = (await self._held.get_raw_connection()).driver_connection
        self._connection = connection
        await connection.execute(f"SET statement_timeout = {round(1000 * self._patience)}")
        return connection

    async def close(self) -> None:
        """Let go of the connection."""
        if self._held is not None:
            held, self._held, self._connection = self._held, None, None
            await held.invalidate()
            await held.close()
