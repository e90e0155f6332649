"""Appending to the log on SQLite: plain statements on the driver's own connection, few and the same ones each time.

SQLAlchemy would cost more than the transaction does.
"""

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import batched, chain

import msgspec

from app.store.log.numbering import COLUMNS, Allow, Locked, Outcome, Submitted, number

# Lists come as JSON: a statement's text, by which the driver keeps it prepared, does not depend on their length.
_LOCKED = """
    SELECT c.*, m.user_id, m.role FROM channels c
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


def append(connection: sqlite3.Connection, group: Sequence[Submitted], at: int, allow: Allow) -> list[Outcome]:
    """As `log.append`, inside a transaction that writes: on SQLite it locks everything."""
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
