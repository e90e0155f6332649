"""Appending to the log: the one place where updates are numbered, in the transaction that holds the channels' rows.

The numbers come from the channel's own locked row and never from a sequence: sequences commit out of order, and a
reader that goes by them passes over a row that commits late.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, tuple_, update

from app.errors import Conflict, Refusal
from app.model.access import Principal, Role, no_such_channel
from app.model.channel import Channel
from app.model.draft import Submission
from app.model.update import Draft, Entry, encode_entry, new_update_id
from app.store import members
from app.store.rows import CHANNEL_COLUMNS, to_channel, to_time
from app.store.tables import CHANNELS, UPDATE_TAGS, UPDATES

_U = UPDATES.c
_INSERT = insert(UPDATES)
_INSERT_TAGS = insert(UPDATE_TAGS)
_LOCK = (
    select(*CHANNEL_COLUMNS)
    .where(CHANNEL_COLUMNS.slug.in_(bindparam("slugs", expanding=True)))
    .order_by(CHANNEL_COLUMNS.id)
    .with_for_update(key_share=True)
)
_BUMP = (
    update(CHANNELS)
    .where(CHANNEL_COLUMNS.id == bindparam("channel"))
    .values(last_seq=bindparam("last"), last_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class Submitted:
    """What one caller wants appended to one channel: all of it or none, in order."""

    slug: str
    who: Principal
    submission: Submission
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What stands in the log for it; `replayed` when it stood there already."""

    channel: Channel
    entries: tuple[Entry, ...]
    replayed: bool = False


type Outcome = Stored | Refusal
type Allow = Callable[[Principal, Channel, Role], None]


def append(tx: Connection, group: Sequence[Submitted], at: int, allow: Allow) -> list[Outcome]:
    """Number and store a group, in its order; an outcome for each. `allow` raises the Refusal of what may not be.

    A refused submission stores nothing and its neighbours don't notice. The channels' rows stay locked until the
    transaction ends, taken in the order of their ids, so that two groups never wait for one another in a circle.
    """
    channels = _lock(tx, {each.slug for each in group})
    roles = members.roles(tx, channels.values(), {each.who.user_id for each in group if each.who.user_id is not None})
    known = _known_keys(tx, group, channels)
    rows: list[dict[str, Any]] = []
    tags: list[dict[str, Any]] = []
    outcomes: list[Outcome] = []
    for each in group:
        channel = channels.get(each.slug)
        try:
            if channel is None:
                raise no_such_channel(each.slug)
            allow(each.who, channel, roles.get((channel.id, each.who.user_id), Role.NONE))
            digest = _digest(each.submission)
            earlier = known.get((channel.id, each.idempotency_key))
            if earlier is not None:
                outcomes.append(_replay(earlier, digest, channel))
                continue
            stored = _number(each, channel, at, rows, tags, digest)
        except Refusal as refusal:
            outcomes.append(refusal)
            continue
        channels[each.slug] = stored.channel
        if each.idempotency_key is not None:
            known[channel.id, each.idempotency_key] = (digest, stored.entries)
        outcomes.append(stored)
    _write(tx, rows, tags, at)
    return outcomes


def _lock(tx: Connection, slugs: Iterable[str]) -> dict[str, Channel]:
    return {row["slug"]: to_channel(row) for row in tx.execute(_LOCK, {"slugs": list(slugs)}).mappings()}


def _number(
    each: Submitted,
    channel: Channel,
    at: int,
    rows: list[dict[str, Any]],
    tags: list[dict[str, Any]],
    digest: str,
) -> Stored:
    """Give the submission its numbers; the rows to write are added to `rows` and `tags`."""
    entries = []
    seq = channel.last_seq
    for draft, fields in zip(each.submission.drafts, each.submission.fields, strict=True):
        seq += 1
        update_id = new_update_id(at)
        entries.append(encode_entry(channel.slug, channel.epoch, seq, update_id, at, each.who.author, fields))
        rows.append(_row(channel.id, seq, update_id, at, each.who.author, draft, fields))
        tags.extend({"channel_id": channel.id, "tag": tag, "seq": seq} for tag in dict.fromkeys(draft.tags))
    if each.idempotency_key is not None:
        rows[-1] |= {
            "idempotency_key": each.idempotency_key,
            "idempotency_digest": digest,
            "idempotency_count": len(entries),
        }
    return Stored(replace(channel, last_seq=seq, last_at=to_time(at)), tuple(entries))


def _row(
    channel_id: int, seq: int, update_id: str, at: int, author: str | None, draft: Draft, fields: bytes
) -> dict[str, Any]:
    return {
        "channel_id": channel_id,
        "seq": seq,
        "update_id": update_id,
        "at": at,
        "author": author,
        "level": draft.level or "info",
        "key": draft.key,
        "gone": bool(draft.gone),
        "fields": fields.decode(),
        "words": draft.words,
        "idempotency_key": None,
        "idempotency_digest": None,
        "idempotency_count": None,
    }


def _write(tx: Connection, rows: list[dict[str, Any]], tags: list[dict[str, Any]], at: int) -> None:
    if not rows:
        return
    last = {row["channel_id"]: row["seq"] for row in rows}
    tx.execute(_BUMP, [{"channel": channel, "last": seq, "at": at} for channel, seq in last.items()])
    tx.execute(_INSERT, rows)
    if tags:
        tx.execute(_INSERT_TAGS, tags)


type _Earlier = tuple[str, tuple[Entry, ...]]


def _known_keys(
    tx: Connection, group: Sequence[Submitted], channels: dict[str, Channel]
) -> dict[tuple[int, str | None], _Earlier]:
    """What stands in the log under the group's idempotency keys. Asked under the lock: two hubs can't both miss it."""
    wanted = {
        (channels[each.slug].id, each.idempotency_key)
        for each in group
        if each.idempotency_key is not None and each.slug in channels
    }
    if not wanted:
        return {}
    query = select(_U.channel_id, _U.seq, _U.idempotency_key, _U.idempotency_digest, _U.idempotency_count).where(
        tuple_(_U.channel_id, _U.idempotency_key).in_(list(wanted))
    )
    found = (tx.execute(query)).all()
    by_id = {channel.id: channel for channel in channels.values()}
    return {
        (row.channel_id, row.idempotency_key): (
            row.idempotency_digest,
            _entries(tx, by_id[row.channel_id], row.seq - row.idempotency_count, row.seq),
        )
        for row in found
    }


def _entries(tx: Connection, channel: Channel, after: int, last: int) -> tuple[Entry, ...]:
    query = (
        select(_U.seq, _U.update_id, _U.at, _U.author, _U.fields)
        .where(_U.channel_id == channel.id, _U.seq > after, _U.seq <= last)
        .order_by(_U.seq)
    )
    return tuple(
        encode_entry(channel.slug, channel.epoch, row.seq, row.update_id, row.at, row.author, row.fields.encode())
        for row in tx.execute(query)
    )


def _replay(earlier: _Earlier, digest: str, channel: Channel) -> Stored:
    if earlier[0] != digest:
        raise Conflict(
            "This Idempotency-Key was used for another content in this channel; use a new key for a new update.",
            field="Idempotency-Key",
        )
    return Stored(channel, earlier[1], replayed=True)


def _digest(submission: Submission) -> str:
    return hashlib.sha256(b"\n".join(submission.fields)).hexdigest()
