"""Channels: find, list, create, change, empty, remove."""

import secrets
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, and_, cast, delete, insert, or_, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Conflict
from app.model.access import Role
from app.model.channel import Channel, ChannelDraft, Visibility
from app.store.rows import CHANNEL_COLUMNS as C
from app.store.rows import among, grouped, to_channel
from app.store.tables import CHANNELS, MEMBERS, UPDATE_TAGS, UPDATES, WORD_RUNS

_TABLE = CHANNELS
_M = MEMBERS.c


def new_epoch() -> str:
    """An epoch that no other log has: 40 random bits, without the dot that separates it from a seq."""
    return secrets.token_hex(5)


async def find(tx: AsyncConnection, slug: str) -> Channel | None:
    """The channel with this slug."""
    row = (await tx.execute(select(*C).where(C.slug == slug))).mappings().one_or_none()
    return to_channel(row) if row else None


async def lock(tx: AsyncConnection, slug: str) -> Channel | None:
    """The channel with this slug, locked until the transaction ends; nothing is appended to it meanwhile."""
    query = select(*C).where(C.slug == slug).with_for_update(key_share=True)
    row = (await tx.execute(query)).mappings().one_or_none()
    return to_channel(row) if row else None


async def find_with_role(tx: AsyncConnection, slug: str, user_id: int | None) -> tuple[Channel, Role] | None:
    """The channel with this slug, and the user's role in it."""
    query = (
        select(*C, _M.role)
        .select_from(_TABLE.outerjoin(MEMBERS, (_M.channel_id == C.id) & (_M.user_id == user_id)))
        .where(C.slug == slug)
    )
    row = (await tx.execute(query)).mappings().one_or_none()
    return (to_channel(row), Role(row["role"] or Role.NONE)) if row else None


class ChannelState(NamedTuple):
    """The columns of a channel that decide how far its watchers can read, and who may watch."""

    id: int
    slug: str
    visibility: Visibility
    epoch: str
    first_seq: int
    last_seq: int


_STATE = (C.id, C.slug, C.visibility, C.epoch, C.first_seq, C.last_seq)
_LABEL = C.epoch + " " + cast(C.first_seq, Text) + " " + cast(C.last_seq, Text) + " " + C.visibility


async def states(tx: AsyncConnection, ids: Collection[int]) -> dict[int, ChannelState]:
    """The states of these channels, by id; channels that no longer exist are left out."""
    if not ids:
        return {}
    return {row[0]: _to_state(row) for row in await tx.execute(select(*_STATE).where(C.id.in_(among(tx, ids))))}


async def changed(
    tx: AsyncConnection, known: Iterable[tuple[int, str | None, int, int, Visibility | None]]
) -> dict[int, ChannelState | None]:
    """The states of the channels that differ from `known`, by id; None for one that is deleted.

    `known` holds for each its id, epoch, first and last seq, and visibility.
    """
    groups: dict[str, list[int]] = {}
    for channel_id, epoch, first, last, visibility in known:
        groups.setdefault(f"{epoch} {first} {last} {visibility}", []).append(channel_id)
    if not groups:
        return {}
    k = grouped(tx, groups)
    query = (
        select(k.c.number, *_STATE)
        .select_from(k.outerjoin(CHANNELS, C.id == k.c.number))
        .where(_LABEL.is_distinct_from(k.c.label))
    )
    return {row[0]: None if row[1] is None else _to_state(row[1:]) for row in await tx.execute(query)}


def _to_state(row: Sequence[Any]) -> ChannelState:
    return ChannelState(row[0], row[1], Visibility(row[2]), *row[3:])


async def listed(
    tx: AsyncConnection,
    *,
    user_id: int | None,
    everything: bool,
    bound_to: int | None,
    q: str | None,
    above: str,
    limit: int | None,
) -> list[Channel]:
    """The public channels and the user's own, or with `everything` all channels, by slug, after `above`.

    With `bound_to`, the only channel in the list that is not public is that one.
    """
    own: ColumnElement[bool] = true() if everything else C.id.in_(select(_M.channel_id).where(_M.user_id == user_id))
    if bound_to is not None:
        own = and_(own, C.id == bound_to)
    query = select(*C).where(C.slug > above, or_(C.visibility == Visibility.PUBLIC.value, own))
    if q:
        # The database lowers both sides: SQLite lowers only A to Z.
        like = "%" + q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        query = query.where(
            or_(
                C.slug.ilike(like, escape="\\"),
                C.title.ilike(like, escape="\\"),
                C.description.ilike(like, escape="\\"),
            )
        )
    rows = (await tx.execute(query.order_by(C.slug).limit(limit))).mappings()
    return [to_channel(row) for row in rows]


async def add(tx: AsyncConnection, draft: ChannelDraft, at: int) -> Channel:
    """A new channel with an empty log. Raises Conflict when the slug is taken."""
    values: dict[str, Any] = {
        "slug": draft.slug,
        "title": draft.title,
        "description": draft.description,
        "visibility": draft.visibility.value,
        "publishing": draft.publishing.value,
        "epoch": new_epoch(),
        "first_seq": 1,
        "last_seq": 0,
        "retention_days": draft.retention_days,
        "retention_updates": draft.retention_updates,
        "created_at": at,
    }
    try:
        row = (await tx.execute(insert(_TABLE).values(values).returning(*C))).mappings().one()
    except IntegrityError:
        raise Conflict(f"There is a channel {draft.slug!r} already.", field="slug") from None
    return to_channel(row)


async def change(tx: AsyncConnection, channel_id: int, changes: dict[str, Any]) -> Channel | None:
    """The channel after the change; None when it was deleted."""
    query = update(_TABLE).where(C.id == channel_id).values(changes).returning(*C)
    row = (await tx.execute(query)).mappings().one_or_none()
    return to_channel(row) if row else None


async def empty(tx: AsyncConnection, channel_id: int) -> Channel | None:
    """Remove every update. A new log begins, with a new epoch and numbers from 1."""
    fresh = {"epoch": new_epoch(), "first_seq": 1, "last_seq": 0, "last_at": None}
    channel = await change(tx, channel_id, fresh)
    await _remove_log(tx, channel_id)
    return channel


async def renew_epochs(tx: AsyncConnection) -> int:
    """Give every log a new epoch, as after a restore from an older backup. Returns their number."""
    ids = (await tx.execute(select(C.id).order_by(C.id))).scalars().all()
    for channel_id in ids:
        await change(tx, channel_id, {"epoch": new_epoch()})
    return len(ids)


async def remove(tx: AsyncConnection, channel_id: int) -> bool:
    """Remove the channel and its log; False when it was deleted already.

    The channel's row is deleted first: from then on nothing is appended to its log.
    """
    deleted = await tx.execute(delete(_TABLE).where(C.id == channel_id))
    await _remove_log(tx, channel_id)
    return bool(deleted.rowcount)


async def _remove_log(tx: AsyncConnection, channel_id: int) -> None:
    for table in (UPDATE_TAGS, WORD_RUNS, UPDATES):
        await tx.execute(delete(table).where(table.c.channel_id == channel_id))
