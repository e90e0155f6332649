"""Retention: removes the oldest updates of a log, a bounded number in one transaction."""

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.channel import Channel
from app.store.rows import CHANNEL_COLUMNS as C
from app.store.rows import to_channel
from app.store.tables import CHANNELS, UPDATE_TAGS, UPDATES, WORD_RUNS

_U = UPDATES.c
_T = UPDATE_TAGS.c
_W = WORD_RUNS.c


async def due(tx: AsyncConnection, above: int, limit: int) -> list[Channel]:
    """Channels that have a retention, by id, after `above`."""
    limited = or_(C.retention_days.is_not(None), C.retention_updates.is_not(None))
    query = select(*C).where(limited, C.id > above).order_by(C.id).limit(limit)
    return [to_channel(row) for row in (await tx.execute(query)).mappings()]


async def trim(tx: AsyncConnection, channel_id: int, older_than: int | None, keep: int | None, most: int) -> int:
    """Remove up to `most` of the oldest updates that are older than `older_than` or beyond the newest `keep`.

    Returns how many were removed from the log. Of each key, the newest removed update keeps its row, so that the board
    is complete, now and at any seq still in the log; but it is no longer part of the log, because `first_seq` is beyond
    it.
    """
    locked = select(*C).where(C.id == channel_id).with_for_update(key_share=True)
    row = (await tx.execute(locked)).mappings().one_or_none()
    if row is None:
        return 0
    channel = to_channel(row)
    first = channel.first_seq
    if keep is not None:
        first = max(first, channel.last_seq - keep + 1)
    first = min(first, channel.first_seq + most)
    if older_than is not None:
        first = max(first, await _first_kept(tx, channel, older_than, most))
    if first == channel.first_seq:
        return 0
    await tx.execute(update(CHANNELS).where(C.id == channel_id).values(first_seq=first))
    newer = UPDATES.alias()
    removed = (newer.c.channel_id == channel_id, newer.c.seq >= channel.first_seq, newer.c.seq < first)
    superseded = select(newer.c.seq).where(*removed, newer.c.key == _U.key, newer.c.seq > _U.seq).exists()
    kept_before = _U.key.in_(select(newer.c.key).where(*removed, newer.c.key.is_not(None)))
    await tx.execute(delete(UPDATES).where(_U.channel_id == channel_id, _U.seq < channel.first_seq, kept_before))
    await tx.execute(
        delete(UPDATES).where(
            _U.channel_id == channel_id,
            _U.seq >= channel.first_seq,
            _U.seq < first,
            or_(_U.key.is_(None), _U.gone, superseded),
        )
    )
    await tx.execute(delete(UPDATE_TAGS).where(_T.channel_id == channel_id, _T.seq < first))
    await tx.execute(delete(WORD_RUNS).where(_W.channel_id == channel_id, _W.last_seq < first))
    return first - channel.first_seq


async def _first_kept(tx: AsyncConnection, channel: Channel, older_than: int, most: int) -> int:
    """The first of the `most` oldest updates that is not older than `older_than`.

    Only a prefix is removed: times rise with the seq, except for the seconds by which the hubs' clocks, or their waits
    for the channel's lock, differ.
    """
    query = (
        select(_U.seq, _U.at)
        .where(_U.channel_id == channel.id, _U.seq >= channel.first_seq)
        .order_by(_U.seq)
        .limit(most)
    )
    first = channel.first_seq
    for seq, at in await tx.execute(query):
        if at >= older_than:
            break
        first = seq + 1
    return first
