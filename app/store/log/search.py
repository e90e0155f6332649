"""The word index: for each run of consecutive updates the words that occur in it, written after the commits.

An index of every single update was half of what a publish cost a database. The updates of a run share most of their
words, and thousands of updates are indexed in one transaction. A search reads the runs that contain all its words, and
the updates that are not indexed yet.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, insert, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.channel import Channel
from app.store.tables import CHANNELS, UPDATES, WORD_RUNS

EVERY = 2048  # Seqs: an index that lacks this many is behind.
RUN_UPDATES = 64
# Bounds of one transaction, because publishers on SQLite wait for it: fewer updates if they are long, with a minimum.
ONCE_UPDATES = 2048
ONCE_CHARACTERS = 256 * 1024
ONCE_LEAST = 16
# Seqs: two spans with at most this many between them are read as one, which costs less than another query.
_MAX_GAP = 2 * RUN_UPDATES

type Span = tuple[int, int]  # Its first seq and its last.

_U = UPDATES.c
_C = CHANNELS.c
_R = WORD_RUNS.c
_INDEXED = select(_R.last_seq).where(_R.channel_id == _C.id).order_by(_R.first_seq.desc()).limit(1).scalar_subquery()
_NEXT = {
    dialect: text(f"""
        SELECT min(seq), max(seq), {join}(words, ' ') FROM updates
        WHERE channel_id = :channel AND seq > :after AND seq <= :after + (
            SELECT CASE WHEN total <= :characters THEN :most
                        WHEN :least * total >= :most * :characters THEN :least ELSE :most * :characters / total END
            FROM (
                SELECT coalesce(sum(length(words)), 0) AS total FROM updates
                WHERE channel_id = :channel AND seq > :after AND seq <= :after + :most
            ) AS measured
        )
        GROUP BY (seq - :after - 1) / :run ORDER BY 1
    """)
    for dialect, join in (("postgresql", "string_agg"), ("sqlite", "group_concat"))
}
_BY_INDEX = text("SET LOCAL enable_seqscan = off")
_MATCHING = {
    # Materialized, and after _BY_INDEX, or PostgreSQL reads and splits every run: it estimates no cost for that.
    "postgresql": text("""
        WITH found AS MATERIALIZED (
            SELECT channel_id, first_seq, last_seq FROM word_runs
            WHERE string_to_array(words, ' ') @> string_to_array(:words, ' ')
        )
        SELECT first_seq, last_seq FROM found
        WHERE channel_id = :channel AND first_seq BETWEEN :low AND :high ORDER BY first_seq
    """),
    # The rowid holds the channel's id above 40 bits of the first seq. FTS5 reads no syntax in a quoted word.
    "sqlite": text("""
        SELECT first_seq, last_seq FROM word_runs
        WHERE channel_id = :channel AND first_seq IN (
            SELECT rowid & 1099511627775 FROM word_runs_search
            WHERE word_runs_search MATCH '"' || replace(:words, ' ', '" "') || '"'
                AND rowid BETWEEN (:channel << 40) + :low AND (:channel << 40) + :high
        ) ORDER BY first_seq
    """),
}


@dataclass(frozen=True, slots=True)
class Runs:
    """The next runs of one epoch of a channel's log, with their words."""

    channel_id: int
    epoch: str
    spans: tuple[Span, ...]
    words: tuple[str, ...]
    is_behind: bool  # True if so many updates follow that indexing should continue at once.


def completes(first: int, last: int) -> bool:
    """True if these seqs complete a block of EVERY, so that the log should be indexed."""
    return (last + 1) // EVERY > first // EVERY


async def behind(tx: AsyncConnection) -> list[tuple[int, str]]:
    """The channels, by id and epoch, whose index is behind."""
    missing = _C.last_seq - func.coalesce(_INDEXED, 0) >= EVERY
    query = select(_C.id, _C.epoch).where(_C.last_seq - _C.first_seq + 1 >= EVERY, missing)
    return [(channel_id, epoch) for channel_id, epoch in await tx.execute(query)]


async def following(tx: AsyncConnection, channel_id: int, epoch: str) -> Runs | None:
    """The runs after those that are indexed; None when there are none, or when the log was replaced or deleted.

    Its two queries may see different snapshots; `add` compares the epoch again.
    """
    extent = select(_C.first_seq, _C.last_seq, _INDEXED).where(_C.id == channel_id, _C.epoch == epoch)
    row = (await tx.execute(extent)).one_or_none()
    if row is None:
        return None
    first, last, indexed = row
    values = {"channel": channel_id, "after": max(first - 1, indexed or 0)}
    bounds = {"run": RUN_UPDATES, "most": ONCE_UPDATES, "characters": ONCE_CHARACTERS, "least": ONCE_LEAST}
    spans, words = [], []
    for begin, end, texts in (await tx.execute(_NEXT[tx.dialect.name], values | bounds)).all():
        spans.append((begin, end))
        words.append(" ".join(set((texts or "").split())))
        await asyncio.sleep(0)  # Let other tasks run.
    return Runs(channel_id, epoch, tuple(spans), tuple(words), last - spans[-1][1] >= EVERY // 2) if spans else None


async def add(tx: AsyncConnection, runs: Runs) -> None:
    """Index the runs, unless their log was replaced or deleted.

    Raises Unstorable, at the end of the transaction at the latest, when another process has indexed them already; then
    nothing is stored.
    """
    rows = [
        {"channel_id": runs.channel_id, "first_seq": first, "last_seq": last, "words": words}
        for (first, last), words in zip(runs.spans, runs.words, strict=True)
    ]
    await tx.execute(insert(WORD_RUNS), rows)
    # The transaction that empties or removes the log needs this lock too. It is taken last, because publishers wait for
    # it.
    log = select(_C.id).where(_C.id == runs.channel_id, _C.epoch == runs.epoch).with_for_update(read=True)
    if (await tx.execute(log)).one_or_none() is None:
        await tx.rollback()


async def spans(tx: AsyncConnection, channel: Channel, words: Sequence[str], low: int, high: int) -> list[Span]:
    """The spans from `low` to `high` that may hold updates with all these words, in order.

    A span has at most EVERY seqs, so that it is read quickly and a search can be cancelled between two. Needs a
    transaction, and makes PostgreSQL prefer indexes in the rest of it.
    """
    indexed = (await tx.execute(select(_INDEXED).select_from(CHANNELS).where(_C.id == channel.id))).scalar_one() or 0
    values = {"channel": channel.id, "words": " ".join(words), "low": max(0, low - RUN_UPDATES), "high": high}
    if tx.dialect.name == "postgresql":
        await tx.execute(_BY_INDEX)
    runs = [(first, last) for first, last in await tx.execute(_MATCHING[tx.dialect.name], values)]
    rest = [(first, first + EVERY - 1) for first in range(max(indexed + 1, low), high + 1, EVERY)]
    return _joined((max(first, low), min(last, high)) for first, last in [*runs, *rest])


def having(words: Sequence[str]) -> list[ColumnElement[bool]]:
    """The condition that an update has all these words: letters and digits only (words_of), so nothing is escaped."""
    return [(literal(" ") + _U.words + " ").like(f"% {word} %") for word in words]


def _joined(found: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for first, last in found:
        if first > last:
            continue  # It is outside the requested range.
        if joined and first - joined[-1][1] - 1 <= _MAX_GAP and last - joined[-1][0] < EVERY:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined
