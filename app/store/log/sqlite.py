"""Appending to the log on SQLite: plain statements on the driver's own connection, few and the same ones each time.

SQLAlchemy would cost more than the transaction does.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import batched, chain
from typing import Any

import msgspec
from sqlalchemy import create_engine

from app.config import Settings
from app.model.submission import Outcome, Submitted
from app.store.engine.engines import prepare_sqlite
from app.store.engine.outages import OUTAGES, Outages
from app.store.engine.url import sqlite_url
from app.store.log.numbering import COLUMNS, HEAD, Allow, Locked, number

# Lists come as JSON: a statement's text, by which the driver keeps it prepared, does not depend on their length.
_LOCKED = f"""
    SELECT {HEAD}, m.user_id, m.role FROM channels c
    LEFT JOIN members m ON m.channel_id = c.id AND m.user_id IN (SELECT value FROM json_each(?))
    WHERE c.slug IN (SELECT value FROM json_each(?))
"""
_KNOWN = """
    SELECT k.idempotency_key AS used_key, k.idempotency_digest AS used_digest, u.*
    FROM json_each(?) wanted
    JOIN updates k ON k.channel_id = json_extract(wanted.value, '$[0]')
        AND k.idempotency_key = json_extract(wanted.value, '$[1]')
    JOIN updates u ON u.channel_id = k.channel_id AND u.seq > k.seq - k.idempotency_count AND u.seq <= k.seq
    ORDER BY u.channel_id, u.seq
"""
_BUMP = "UPDATE channels SET last_seq = ?, last_at = ? WHERE id = ?"
_TAGS = "INSERT INTO update_tags (channel_id, tag, seq) VALUES (?, ?, ?)"
_ROWS = 250  # In one statement; SQLite takes 32,766 parameters.


class SqliteLog:
    """Appends by one connection in one thread: a whole transaction costs one hop there and back."""

    def __init__(self, settings: Settings, writer: asyncio.Lock, outages: Outages) -> None:
        """`writer` is the database's lock: SQLite has one writer."""
        self._outages = outages
        self._writer = writer
        url = sqlite_url(settings, "sqlite+pysqlite")
        self._engine = create_engine(url, pool_size=1, connect_args={"timeout": settings.commit_timeout})
        prepare_sqlite(self._engine)
        self._thread = ThreadPoolExecutor(1, "sqlite")
        self._kept: Any = None

    async def append(self, group: Sequence[Submitted], at: int, allow: Allow, within: float) -> list[Outcome]:
        """As `Log.append`."""
        try:
            # A free lock makes its caller wait all the same, once another was promised it.
            async with asyncio.timeout(within):
                await self._writer.acquire()
            try:
                return await self._commit(lambda connection: append_locked(connection, group, at, allow), within)
            finally:
                self._writer.release()
        except OUTAGES as error:
            raise self._outages.refusal_of(error) from error

    async def _commit[T](self, work: Callable[[sqlite3.Connection], T], within: float) -> T:
        """What `work` returns, committed. Raises TimeoutError when it was not committed `within` so many seconds; then
        it never will be: the thread is waited for, because it alone knows whether it reached the commit."""
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


def append_locked(connection: sqlite3.Connection, group: Sequence[Submitted], at: int, allow: Allow) -> list[Outcome]:
    """Inside a transaction that writes, which on SQLite locks everything: read, number, write."""
    connection.row_factory = sqlite3.Row
    users = {each.who.user_id for each in group if each.who.user_id is not None}
    locked = Locked()
    for row in connection.execute(_LOCKED, (_json(users), _json({each.slug for each in group}))):
        locked.add(row)
    if wanted := locked.wanted_keys(group):
        locked.remember(connection.execute(_KNOWN, (_json(wanted),)))
    outcomes, written = number(group, locked, at, allow)
    for channel_id, seq in written.last.items():
        connection.execute(_BUMP, (seq, at, channel_id))
    for rows in batched(written.rows, _ROWS, strict=False):
        connection.execute(_insert(len(rows)), tuple(chain.from_iterable(rows)))
    if written.tags:
        connection.executemany(_TAGS, written.tags)
    return outcomes


@cache
def _insert(count: int) -> str:
    """One statement for so many rows, which costs a quarter less than one for each."""
    row = f"({', '.join('?' * len(COLUMNS))})"
    return f"INSERT INTO updates ({', '.join(COLUMNS)}) VALUES {', '.join([row] * count)}"


def _json(values: object) -> str:
    return msgspec.json.encode(values).decode()
