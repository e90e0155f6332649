"""Appending to the log on PostgreSQL: plain statements on the driver's own connection, as few round trips as it takes.

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
from app.store.engine.outages import OUTAGES, refusal_of
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
# A column an array: the statement's text, by which the driver keeps it prepared, does not depend on their length.
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
# What of a row is its own, where all are of one channel and none has an idempotency key: the driver looks at each value
# of an array for longer than it takes to send it.
_KINDS = dict(zip(COLUMNS, _TYPES, strict=True))
_OWN = ("update_id", "author", "level", "key", "gone", "fields", "words")
_PLACES = tuple(COLUMNS.index(name) for name in _OWN)
# Everything in one round trip, for one channel: UPDATE locks the row, waits for whoever holds it, and goes on if it is
# the very version (xmin) that the rows were numbered by, with the roles that were judged. Or else nothing is stored.
_AT_ONCE = f"""
    WITH same AS (
        UPDATE channels c SET last_seq = $3, last_at = $4
        WHERE c.id = $1 AND c.xmin = $2 AND NOT EXISTS (
            SELECT FROM unnest($5::bigint[], $6::int[]) AS judged(user_id, role)
            LEFT JOIN members m ON m.channel_id = $1 AND m.user_id = judged.user_id
            WHERE coalesce(m.role, 0) <> judged.role
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

_MOST = 10_000  # Channels and roles that are remembered.

type Connection = asyncpg.Connection[asyncpg.Record]


class Latest:
    """What the last groups left of their channels: to be tried first, and never believed without being compared."""

    def __init__(self) -> None:
        self._left = Locked()
        self._versions: dict[int, int] = {}

    def learn(self, locked: Locked, written: Written, versions: Sequence[asyncpg.Record]) -> None:
        """The channels that were written, as they stand now, and the roles that were looked at."""
        if len(self._left.channels) + len(self._left.roles) > _MOST:
            self.forget()
        for channel in locked.channels.values():
            last = written.last.get(channel.id, channel.last_seq)
            self._left.channels[channel.slug] = replace(channel, last_seq=last)
        self._left.roles |= locked.roles
        self._versions |= {row["id"]: row["xmin"] for row in versions}

    def forget(self) -> None:
        """Nothing is known any more."""
        self._left, self._versions = Locked(), {}

    async def append(
        self, connection: Connection, group: Sequence[Submitted], at: int, allow: Allow
    ) -> list[Outcome] | None:
        """The group, where all of it goes to one channel that is still as it was left; None when it has to be locked
        first: to refuse somebody, or to look for an idempotency key, takes more than a memory."""
        channel = self._left.channels.get(group[0].slug)
        version = self._versions.get(channel.id) if channel is not None else None
        if channel is None or version is None or not all(_is_plain(each, channel) for each in group):
            return None
        roles = self._left.roles
        judged = {(each.who.user_id, roles.get((channel.id, each.who.user_id))) for each in group if each.who.user_id}
        if any(role is None for _, role in judged):
            return None
        outcomes, written = number(group, self._left, at, allow)
        if any(isinstance(each, Refusal) for each in outcomes):
            return None
        last = written.last[channel.id]
        found = await connection.fetch(
            _AT_ONCE,
            *(channel.id, version, last, at),
            *_columns(list(judged), 2),
            *_columns(written.tags, 3),
            last - len(written.rows),
            *_own(written.rows),
        )
        if not found:
            return None
        self._left.channels[channel.slug] = replace(channel, last_seq=last)
        self._versions[channel.id] = found[0]["xmin"]
        return outcomes


class PostgresLog:
    """Appends by one of the pool's connections, held for as long as nothing goes wrong on it."""

    def __init__(self, engine: AsyncEngine, patience: float) -> None:
        """`patience` is how long a statement may take, in seconds: the server gives it up then, whoever still waits."""
        self._engine = engine
        self._patience = patience
        self._writer = asyncio.Lock()
        self._latest = Latest()
        self._held: AsyncConnection | None = None
        self._connection: Connection | None = None

    async def append(self, group: Sequence[Submitted], at: int, allow: Allow, within: float) -> list[Outcome]:
        """As `Log.append`. Whatever is raised, or a cancellation, ends the connection, and its transaction with it."""
        try:
            async with asyncio.timeout(within), self._writer:
                return await self._append(group, at, allow)
        except OUTAGES as error:
            raise refusal_of(error) from error

    async def _append(self, group: Sequence[Submitted], at: int, allow: Allow) -> list[Outcome]:
        try:
            return await append(await self._connected(), self._latest, group, at, allow)
        except BaseException:
            self._latest.forget()  # What was under way may be committed, or not.
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
        """Let go of the connection."""
        if self._held is not None:
            held, self._held, self._connection = self._held, None, None
            await held.invalidate()
            await held.close()


async def append(
    connection: Connection, latest: Latest, group: Sequence[Submitted], at: int, allow: Allow
) -> list[Outcome]:
    """As `Log.append`, on the log's own connection, which whatever is raised has to end."""
    outcomes = await latest.append(connection, group, at, allow)
    if outcomes is None:
        await connection.execute("BEGIN")
        outcomes = await append_locked(connection, latest, group, at, allow)
        await connection.execute("COMMIT")
    return outcomes


async def append_locked(
    connection: Connection, latest: Latest, group: Sequence[Submitted], at: int, allow: Allow
) -> list[Outcome]:
    """Inside a transaction: lock the channels' rows, look, number, write."""
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
    latest.learn(locked, written, versions)
    return outcomes


def _is_plain(each: Submitted, channel: ChannelHead) -> bool:
    return each.slug == channel.slug and each.idempotency_key is None


def _own(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    columns = _columns(rows, len(COLUMNS))
    return [columns[place] for place in _PLACES]


def _columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True)) if rows else [()] * count
