"""Appending to the log on PostgreSQL: plain statements on the driver's connection, in as few round trips as possible.

SQLAlchemy's asyncio layer would cost more than the transaction does.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.errors import Refusal
from app.model.submission import ChannelHead, Outcome, Submitted
from app.store.engine.outages import OUTAGES, Outages
from app.store.log.numbering import COLUMNS, HEAD, Allow, Locked, Row, Written, number

_LOCK = f"""
    SELECT {HEAD}, m.user_id, m.role FROM channels c
    LEFT JOIN members m ON m.channel_id = c.id AND m.user_id = ANY($1::bigint[])
    WHERE c.slug = ANY($2::text[]) ORDER BY c.id FOR NO KEY UPDATE OF c
"""
_KNOWN = """
    SELECT k.idempotency_key AS used_key, k.idempotency_digest AS used_digest, u.*
    FROM unnest($1::bigint[], $2::text[]) AS wanted(channel, key)
    JOIN updates k ON k.channel_id = wanted.channel AND k.idempotency_key = wanted.key
    JOIN updates u ON u.channel_id = k.channel_id AND u.seq > k.seq - k.idempotency_count AND u.seq <= k.seq
    ORDER BY u.channel_id, u.seq
"""
_TYPES = (
    "bigint",
    "bigint",
    "text",
    "bigint",
    "text",
    "text",
    "text",
    "boolean",
    "text",
    "text",
    "text",
    "text",
    "int",
)
# One array per column: the statement's text, the key under which the driver keeps it prepared, does not depend on the
# number of rows.
_WRITE = f"""
    WITH bumped AS (
        UPDATE channels c SET last_seq = l.seq, last_at = $3
        FROM unnest($1::bigint[], $2::bigint[]) AS l(channel, seq) WHERE c.id = l.channel RETURNING c.id, c.xmin
    ), stored AS (
        INSERT INTO updates ({", ".join(COLUMNS)})
        SELECT * FROM unnest({", ".join(f"${n}::{kind}[]" for n, kind in enumerate(_TYPES, 4))})
    )
    SELECT id, xmin FROM bumped
"""
_TAGS = "INSERT INTO update_tags (channel_id, tag, seq) SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])"
# The columns that differ between the rows of one channel without idempotency keys. The others are sent once: the driver
# takes longer to check each value of an array than to send it.
_KINDS = dict(zip(COLUMNS, _TYPES, strict=True))
_OWN = ("update_id", "author", "level", "key", "gone", "fields", "words")
_OWN_INDEXES = tuple(COLUMNS.index(name) for name in _OWN)
# Everything in one round trip, for one channel: UPDATE locks the row, waiting for any other transaction that holds it,
# and stores only if the row still has the version (xmin) that the numbers came from and the roles that were checked.
_ONE_ROUND_TRIP = f"""
    WITH same AS (
        UPDATE channels c SET last_seq = $3, last_at = $4
        WHERE c.id = $1 AND c.xmin = $2 AND NOT EXISTS (
            SELECT FROM unnest($5::bigint[], $6::int[]) AS checked(user_id, role)
            LEFT JOIN members m ON m.channel_id = $1 AND m.user_id = checked.user_id
            WHERE coalesce(m.role, 0) <> checked.role
        )
        RETURNING c.xmin
    ), tagged AS (
        INSERT INTO update_tags (channel_id, tag, seq)
        SELECT t.* FROM same, unnest($7::bigint[], $8::text[], $9::bigint[]) AS t
    ), stored AS (
        INSERT INTO updates (channel_id, seq, at, {", ".join(_OWN)})
        SELECT $1, $10 + u.nth, $4, {", ".join(f"u.{name}" for name in _OWN)}
        FROM same, unnest({", ".join(f"${n}::{_KINDS[name]}[]" for n, name in enumerate(_OWN, 11))})
            WITH ORDINALITY AS u({", ".join(_OWN)}, nth)
    )
    SELECT xmin FROM same
"""

_MAX_REMEMBERED = 10_000  # Channels and roles.

type Connection = asyncpg.Connection[asyncpg.Record]


class Latest:
    """The channels and roles as the last groups saw them, to append without locking first.

    They may be outdated: the statement compares them with the database and stores nothing if they are.
    """

    def __init__(self) -> None:
        self._seen = Locked()
        self._versions: dict[int, int] = {}

    def remember(self, locked: Locked, written: Written, versions: Sequence[asyncpg.Record]) -> None:
        """Keep the channels as they are after the write, and the roles that were read."""
        if len(self._seen.channels) + len(self._seen.roles) > _MAX_REMEMBERED:
            self.forget()
        for channel in locked.channels.values():
            last = written.last.get(channel.id, channel.last_seq)
            self._seen.channels[channel.slug] = replace(channel, last_seq=last)
        self._seen.roles |= locked.roles
        self._versions |= {row["id"]: row["xmin"] for row in versions}

    def forget(self) -> None:
        """Drop everything."""
        self._seen, self._versions = Locked(), {}

    async def append(
        self, connection: Connection, group: Sequence[Submitted], at: int, allow: Allow
    ) -> list[Outcome] | None:
        """Append the group if all of it goes to one channel that has not changed since; None when the rows must be
        locked first. A refusal or an idempotency key always needs the lock."""
        channel = self._seen.channels.get(group[0].slug)
        version = self._versions.get(channel.id) if channel is not None else None
        if channel is None or version is None or not all(_is_plain(each, channel) for each in group):
            return None
        roles = self._seen.roles
        checked = {(each.who.user_id, roles.get((channel.id, each.who.user_id))) for each in group if each.who.user_id}
        if any(role is None for _, role in checked):
            return None
        outcomes, written = number(group, self._seen, at, allow)
        if any(isinstance(each, Refusal) for each in outcomes):
            return None
        last = written.last[channel.id]
        found = await connection.fetch(
            _ONE_ROUND_TRIP,
            *(channel.id, version, last, at),
            *_columns(list(checked), 2),
            *_columns(written.tags, 3),
            last - len(written.rows),
            *_own(written.rows),
        )
        if not found:
            return None
        self._seen.channels[channel.slug] = replace(channel, last_seq=last)
        self._versions[channel.id] = found[0]["xmin"]
        return outcomes


class PostgresLog:
    """Appends on one connection of the pool, which it holds until an error ends it."""

    def __init__(self, engine: AsyncEngine, outages: Outages, patience: float) -> None:
        """`patience` is how long a statement may take, in seconds; then the server cancels it."""
        self._outages = outages
        self._engine = engine
        self._patience = patience
        self._writer = asyncio.Lock()
        self._latest = Latest()
        self._held: AsyncConnection | None = None
        self._connection: Connection | None = None

    async def append(self, group: Sequence[Submitted], at: int, allow: Allow, within: float) -> list[Outcome]:
        """As `Log.append`. Any error, or a cancellation, ends the connection, and its transaction with it."""
        try:
            async with asyncio.timeout(within), self._writer:
                return await self._append(group, at, allow)
        except OUTAGES as error:
            raise self._outages.refusal_of(error) from error

    async def _append(self, group: Sequence[Submitted], at: int, allow: Allow) -> list[Outcome]:
        try:
            return await append(await self._connected(), self._latest, group, at, allow)
        except BaseException:
            self._latest.forget()  # The transaction may be committed, or not.
            if self._connection is not None:
                self._connection.terminate()
            raise

    async def _connected(self) -> Connection:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        await self.close()
        self._held = await self._engine.connect()
        connection: Connection = (await self._held.get_raw_connection()).driver_connection
        self._connection = connection
        await connection.execute(f"SET statement_timeout = {round(1000 * self._patience)}")
        return connection

    async def close(self) -> None:
        """Close the connection."""
        if self._held is not None:
            held, self._held, self._connection = self._held, None, None
            await held.invalidate()
            await held.close()


async def append(
    connection: Connection, latest: Latest, group: Sequence[Submitted], at: int, allow: Allow
) -> list[Outcome]:
    """As `Log.append`, on the log's own connection; after any error the caller must end it."""
    outcomes = await latest.append(connection, group, at, allow)
    if outcomes is None:
        await connection.execute("BEGIN")
        outcomes = await append_locked(connection, latest, group, at, allow)
        await connection.execute("COMMIT")
    return outcomes


async def append_locked(
    connection: Connection, latest: Latest, group: Sequence[Submitted], at: int, allow: Allow
) -> list[Outcome]:
    """Inside a transaction: lock the channels' rows, query the keys, number, write."""
    users = {each.who.user_id for each in group if each.who.user_id is not None}
    locked = Locked()
    for row in await connection.fetch(_LOCK, users, {each.slug for each in group}):
        locked.add(row, users)
    if wanted := locked.wanted_keys(group):
        locked.remember(await connection.fetch(_KNOWN, *_columns(wanted, 2)))
    outcomes, written = number(group, locked, at, allow)
    versions: list[asyncpg.Record] = []
    if written.rows:
        last = (list(written.last), list(written.last.values()))
        versions = await connection.fetch(_WRITE, *last, at, *_columns(written.rows, len(COLUMNS)))
    if written.tags:
        await connection.fetch(_TAGS, *_columns(written.tags, 3))
    latest.remember(locked, written, versions)
    return outcomes


def _is_plain(each: Submitted, channel: ChannelHead) -> bool:
    return each.slug == channel.slug and each.idempotency_key is None


def _own(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    columns = _columns(rows, len(COLUMNS))
    return [columns[index] for index in _OWN_INDEXES]


def _columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True)) if rows else [()] * count
