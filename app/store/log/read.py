"""Reading the log: pages for watchers that are behind, history with filters, and the board."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.channel import Channel
from app.model.filter import Filter
from app.model.position import Extent
from app.model.update import Entry, encode_entry
from app.store.log import search as word_index
from app.store.tables import UPDATE_TAGS, UPDATES

_U = UPDATES.c
_T = UPDATE_TAGS.c
_ENTRY = (_U.seq, _U.update_id, _U.at, _U.author, _U.fields)


@dataclass(frozen=True, slots=True)
class Page:
    """Consecutive entries after a position, and the log's extent at that moment."""

    extent: Extent
    entries: tuple[Entry, ...]


# One statement, so that the page and the log's extent are of one moment (READ COMMITTED takes one snapshot per
# statement). The row that crosses the byte limit is included, so that a page is never empty where the log is not.
_PAGE = text("""
    SELECT c.slug, c.epoch, c.first_seq, c.last_seq, p.seq, p.update_id, p.at, p.author, p.fields
    FROM channels c LEFT JOIN (
        SELECT q.*, sum(length(q.fields)) OVER (ORDER BY q.seq) - length(q.fields) AS bytes_before
        FROM (
            SELECT seq, update_id, at, author, fields FROM updates
            WHERE channel_id = :channel AND seq > :after
              AND seq >= (SELECT first_seq FROM channels WHERE id = :channel)
            ORDER BY seq LIMIT :most
        ) q
    ) p ON p.bytes_before < :most_bytes
    WHERE c.id = :channel ORDER BY p.seq
""")


async def read_after(tx: AsyncConnection, channel_id: int, after: int, most: int, most_bytes: int) -> Page | None:
    """The entries after `after`, oldest first, up to `most` of them and up to `most_bytes`; None when the channel was
    deleted. The bytes are counted as characters, because both databases count those alike."""
    values = {"channel": channel_id, "after": after, "most": most, "most_bytes": most_bytes}
    rows = (await tx.execute(_PAGE, values)).all()
    if not rows:
        return None
    head = rows[0]
    entries = tuple(_entry(head.slug, head.epoch, row) for row in rows if row.seq is not None)
    return Page(Extent(head.epoch, head.first_seq, head.last_seq), entries)


async def read(
    tx: AsyncConnection,
    channel: Channel,
    wanted: Filter,
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int,
) -> list[Entry]:
    """History: oldest first with `after`, else newest first, below `before` when given."""
    low = channel.first_seq if after is None else max(channel.first_seq, after + 1)
    high = channel.last_seq if before is None else min(channel.last_seq, before - 1)
    query = select(*_ENTRY).where(_U.channel_id == channel.id, *_conditions(wanted))
    query = query.order_by(_U.seq.desc() if after is None else _U.seq)
    if wanted.words is None:
        rows = await tx.execute(query.where(_U.seq.between(low, high)).limit(limit))
        return [_entry(channel.slug, channel.epoch, row) for row in rows]
    spans = await word_index.spans(tx, channel, wanted.words, low, high) if wanted.words else []
    query = query.where(*word_index.having(wanted.words))
    found: list[Entry] = []
    for span in spans if after is not None else reversed(spans):
        rows = await tx.execute(query.where(_U.seq.between(*span)).limit(limit - len(found)))
        found.extend(_entry(channel.slug, channel.epoch, row) for row in rows)
        if len(found) == limit:
            break
    return found


# Loose index scan: one look-up per key instead of one per row, however many updates a key has, and no more keys than
# are requested (https://wiki.postgresql.org/wiki/Loose_indexscan).
_BOARD = """
    WITH RECURSIVE keys(key, n) AS (
        SELECT (SELECT min(key) FROM updates WHERE channel_id = :channel AND key IS NOT NULL AND key > :above), 1
        UNION ALL
        SELECT (SELECT min(key) FROM updates WHERE channel_id = :channel AND key IS NOT NULL AND key > keys.key), n + 1
        FROM keys WHERE keys.key IS NOT NULL AND n < :most
    ),
    heads(key, seq) AS (
        SELECT key, (SELECT max(seq) FROM updates WHERE channel_id = :channel AND key = keys.key AND seq <= :at)
        FROM keys WHERE keys.key IS NOT NULL
    )
    SELECT heads.key, u.gone, u.seq, u.update_id, u.at, u.author, u.fields
    FROM heads LEFT JOIN updates u ON u.channel_id = :channel AND u.seq = heads.seq
    ORDER BY heads.key
"""


async def board(
    tx: AsyncConnection, channel: Channel, at: int, above: str, most: int
) -> tuple[list[tuple[str, Entry]], str | None]:
    """The board's next keys after `above`, in order, each with its newest update up to `at`, and the last key that was
    read, None at the end. Reads up to `most` keys; one without an update up to `at`, or whose newest update is `gone`,
    is left out of the result."""
    values: dict[str, Any] = {"channel": channel.id, "at": at, "above": above, "most": most}
    rows: Sequence[Any] = (await tx.execute(text(_BOARD), values)).all()
    present = [row for row in rows if row.seq is not None and not row.gone]
    found = [(row.key, _entry(channel.slug, channel.epoch, row)) for row in present]
    return found, rows[-1].key if len(rows) == most else None


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.level is not None:
        found.append(_U.level == wanted.level)
    if wanted.key is not None:
        found.append(_U.key == wanted.key)
    if wanted.tag is not None:
        found.append(exists().where(_T.channel_id == _U.channel_id, _T.tag == wanted.tag, _T.seq == _U.seq))
    return found


def _entry(slug: str, epoch: str, row: Any) -> Entry:
    return encode_entry(slug, epoch, row.seq, row.update_id, row.at, row.author, row.fields.encode())
