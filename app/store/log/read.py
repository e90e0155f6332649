"""Reading the log: pages for watchers that are behind, history with filters, and the board."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.channel import Channel
from app.model.filter import Filter
from app.model.position import Extent
from app.model.update import Entry, encode_entry
from app.store.log import search as word_index
from app.store.log.bounds import PageBound
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
    max_bytes: int,
) -> tuple[list[Entry], bool]:
    """History: oldest first with `after`, else newest first, below `before` when given; and whether there is more."""
    low = channel.first_seq if after is None else max(channel.first_seq, after + 1)
    high = channel.last_seq if before is None else min(channel.last_seq, before - 1)
    newest_first = after is None
    query = select(*_ENTRY).where(_U.channel_id == channel.id, *_conditions(wanted))
    query = query.order_by(_U.seq.desc() if newest_first else _U.seq)
    spans = [(low, high)]
    if wanted.words is not None:
        spans = await word_index.spans(tx, channel, wanted.words, low, high) if wanted.words else []
        query = query.where(*word_index.having(wanted.words))
    found: list[Entry] = []
    bound = PageBound(limit, max_bytes)
    for span in reversed(spans) if newest_first else spans:
        await _read_span(tx, channel, query, span, newest_first, bound, found)
        if bound.is_full:
            break
    return found, bound.is_full


async def _read_span(
    tx: AsyncConnection,
    channel: Channel,
    query: Select[Any],
    span: tuple[int, int],
    newest_first: bool,
    bound: PageBound,
    found: list[Entry],
) -> None:
    """Read the span's entries into `found`, some rows at a time, until it ends or the page is full."""
    low, high = span
    while low <= high:
        wanted = bound.rows()
        rows = (await tx.execute(query.where(_U.seq.between(low, high)).limit(wanted))).all()
        for row in rows:
            entry = _entry(channel.slug, channel.epoch, row)
            if not bound.fits(entry):
                return
            found.append(entry)
        if len(rows) < wanted:
            return
        low, high = (low, rows[-1].seq - 1) if newest_first else (rows[-1].seq + 1, high)


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
    tx: AsyncConnection, channel: Channel, at: int, above: str, limit: int, max_bytes: int
) -> tuple[list[tuple[str, Entry]], str | None]:
    """The board's next keys after `above`, in order, each with its newest update up to `at`, and the last key that was
    read, None at the end. Reads up to `limit` keys and `max_bytes`; a key without an update up to `at`, or whose newest
    update is `gone`, is left out of the result."""
    found: list[tuple[str, Entry]] = []
    bound = PageBound(limit, max_bytes)
    read = 0
    while True:
        wanted = min(bound.rows(), limit - read)
        values: dict[str, Any] = {"channel": channel.id, "at": at, "above": above, "most": wanted}
        rows = (await tx.execute(text(_BOARD), values)).all()
        for row in rows:
            if row.seq is not None and not row.gone:
                entry = _entry(channel.slug, channel.epoch, row)
                if not bound.fits(entry):
                    return found, above
                found.append((row.key, entry))
            above = row.key
        read += len(rows)
        if len(rows) < wanted:
            return found, None
        if read == limit:
            return found, above


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
