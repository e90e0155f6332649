"""Engines: a connection pool for SQLite or PostgreSQL, and how each connection is prepared."""

import sqlite3
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.config import ConfigError, Settings
from app.private_files import make_file
from app.store.engine.url import parsed, postgresql_url, sqlite_url

_SQLITE_DRIVER = "sqlite+aiosqlite"
_WAL_TRIES = 20
WRITES = "tidewire_writes"  # The execution option of a transaction that writes.
ALONE = "tidewire_alone"  # The execution option of a query that needs no transaction around it.


def dialect_of(settings: Settings) -> str:
    """sqlite or postgresql. Creates a missing file of SQLite. Raises ConfigError for an invalid URL, and for a file
    that can't be created."""
    check_url(settings)
    if (path := settings.sqlite_path) is not None:
        try:
            make_file(path)
        except OSError as error:
            raise ConfigError(
                f"TIDEWIRE_DATABASE_URL: {error.filename or path} can't be created or opened: {error.strerror}."
            ) from None
    return parsed(settings).get_backend_name()


def check_url(settings: Settings) -> None:
    """Raise ConfigError for a URL that the driver would refuse. Nothing is created or reached."""
    if settings.sqlite_path is not None:
        sqlite_url(settings, _SQLITE_DRIVER)
    else:
        postgresql_url(settings)


def async_engine(settings: Settings, patience: float | None = None) -> AsyncEngine:
    """A pool for queries that take up to `patience` seconds; by default, up to the query timeout."""
    patience = patience or settings.query_timeout
    if settings.sqlite_path is not None:
        engine = create_async_engine(
            sqlite_url(settings, _SQLITE_DRIVER),
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_timeout=settings.query_timeout,
            # Ends before the query does, and then names the cause: the file is locked.
            connect_args={"timeout": 0.9 * settings.query_timeout},
        )
        prepare_sqlite(engine.sync_engine)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    url, arguments = postgresql_url(settings)
    engine = create_async_engine(
        url,
        pool_size=settings.pool_size,
        max_overflow=0,
        pool_timeout=settings.query_timeout,
        # Reuse the connection that worked last: after a network outage the others may be broken, and each costs a query
        # that waits for its timeout.
        pool_use_lifo=True,
        connect_args={"timeout": settings.query_timeout, "command_timeout": patience, **arguments},
    )
    event.listen(engine.sync_engine, "connect", partial(_prepare_postgresql, settings))
    return engine


def _prepare_postgresql(settings: Settings, connection: Any, _record: object) -> None:
    # A hub whose machine or network fails does not close its connections: its open transaction would lock the channel's
    # row, and block every other hub's publishes, until TCP times out after two hours. No transaction idles longer than
    # this bound.
    idle = int(1000 * max(settings.commit_timeout, settings.query_timeout))
    cursor = connection.cursor()
    cursor.execute(f"SET idle_in_transaction_session_timeout = {idle}")
    cursor.close()
    connection.commit()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # The driver must not begin transactions: _begin_sqlite does.
    cursor = connection.cursor()
    _write_ahead(cursor)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Enable the write-ahead log.

    On a new file this needs exclusive access, and fails with SQLITE_BUSY at once where other statements wait: then wait
    by means of a transaction, and try again.
    """
    for _ in range(_WAL_TRIES):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("COMMIT")
    cursor.execute("PRAGMA journal_mode=WAL")


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that changes from reading to writing can fail with SQLITE_BUSY at once; an immediate one
    # waits.
    options = connection.get_execution_options()
    if not options.get(ALONE):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(WRITES) else "BEGIN")


def prepare_sqlite(engine: Engine) -> None:
    """Prepare every connection that the engine opens."""
    event.listen(engine, "connect", _prepare_sqlite)
