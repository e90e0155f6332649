"""Numbers a group of submissions inside a transaction that has locked the channels' rows. No I/O.

The numbers come from the channel's own locked row and never from a database sequence: sequences commit out of order,
and a reader that relies on them skips a row that commits late.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.errors import Conflict, Refusal
from app.model.access import Principal, Role, no_such_channel
from app.model.channel import Publishing, Visibility
from app.model.draft import Submission
from app.model.submission import ChannelHead, Outcome, Stored, Submitted
from app.model.update import Entry, encode_entry, new_update_id

type Allow = Callable[[Principal, ChannelHead, Role], None]
type Row = tuple[
    int, int, str, int, str | None, str, str | None, bool, str, str | None, str | None, str | None, int | None
]

# The columns of a ChannelHead.
HEAD = "c.id, c.slug, c.visibility, c.publishing, c.epoch, c.last_seq"
# The order of a Row.
COLUMNS = (
    "channel_id",
    "seq",
    "update_id",
    "at",
    "author",
    "level",
    "key",
    "gone",
    "fields",
    "words",
    "idempotency_key",
    "idempotency_digest",
    "idempotency_count",
)


@dataclass(slots=True)
class Locked:
    """What the transaction has read: the channels' rows, the publishers' roles, and what is stored under their keys."""

    channels: dict[str, ChannelHead] = field(default_factory=dict)
    roles: dict[tuple[int, int | None], Role] = field(default_factory=dict)
    known: dict[tuple[int, str], tuple[str, tuple[Entry, ...]]] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any], users: Iterable[int] = ()) -> None:
        """Add a channel's row, with the role of one publisher or None; `users` are all publishers of the group."""
        if row["slug"] not in self.channels:
            self.channels[row["slug"]] = ChannelHead(
                id=row["id"],
                slug=row["slug"],
                visibility=Visibility(row["visibility"]),
                publishing=Publishing(row["publishing"]),
                epoch=row["epoch"],
                last_seq=row["last_seq"],
            )
            for user in users:
                self.roles[row["id"], user] = Role.NONE
        if row["role"] is not None:
            self.roles[row["id"], row["user_id"]] = Role(row["role"])

    def wanted_keys(self, group: Iterable[Submitted]) -> list[tuple[int, str]]:
        """The group's idempotency keys, by channel. Query them under the lock, or two hubs may both miss one."""
        return list(
            {
                (self.channels[each.slug].id, each.idempotency_key): None
                for each in group
                if each.idempotency_key is not None and each.slug in self.channels
            }
        )

    def remember(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add what is stored under the keys: one row per update, in order."""
        slugs = {channel.id: slug for slug, channel in self.channels.items()}
        for row in rows:
            channel = self.channels[slugs[row["channel_id"]]]
            entry = encode_entry(
                channel.slug,
                channel.epoch,
                row["seq"],
                row["update_id"],
                row["at"],
                row["author"],
                row["fields"].encode(),
            )
            key = (channel.id, row["used_key"])
            self.known[key] = (row["used_digest"], (*self.known.get(key, ("", ()))[1], entry))


@dataclass(slots=True)
class Written:
    """What to store: rows of updates, their tags as (channel id, tag, seq), and each channel's new last seq."""

    rows: list[Row] = field(default_factory=list)
    tags: list[tuple[int, str, int]] = field(default_factory=list)
    last: dict[int, int] = field(default_factory=dict)


def number(group: Sequence[Submitted], locked: Locked, at: int, allow: Allow) -> tuple[list[Outcome], Written]:
    """An outcome for each submission of the group, in its order, and what to store for them."""
    written = Written()
    outcomes: list[Outcome] = []
    for each in group:
        try:
            outcomes.append(_outcome(each, locked, written, at, allow))
        except Refusal as refusal:
            outcomes.append(refusal)
    return outcomes, written


def _outcome(each: Submitted, locked: Locked, written: Written, at: int, allow: Allow) -> Stored:
    channel = locked.channels.get(each.slug)
    if channel is None:
        raise no_such_channel(each.slug)
    allow(each.who, channel, locked.roles.get((channel.id, each.who.user_id), Role.NONE))
    if each.idempotency_key is None:
        return Stored(channel, _append(each, channel, written, at, (None, None, None)))
    digest = _digest(each.submission)
    known = locked.known.get((channel.id, each.idempotency_key))
    if known is not None:
        if known[0] != digest:
            raise Conflict(
                "This Idempotency-Key was used for another content in this channel; use a new key for a new update.",
                field="Idempotency-Key",
            )
        return Stored(channel, known[1], replayed=True)
    entries = _append(each, channel, written, at, (each.idempotency_key, digest, len(each.submission.drafts)))
    locked.known[channel.id, each.idempotency_key] = (digest, entries)
    return Stored(channel, entries)


def _append(
    each: Submitted, channel: ChannelHead, written: Written, at: int, used: tuple[str | None, str | None, int | None]
) -> tuple[Entry, ...]:
    """Number the drafts and add their rows. `used`, the idempotency columns, go on the last update."""
    submission, author = each.submission, each.who.author
    seq = written.last.get(channel.id, channel.last_seq)
    last = seq + len(submission.drafts)
    entries = []
    for draft, fields in zip(submission.drafts, submission.fields, strict=True):
        seq += 1
        update_id = new_update_id(at)
        entries.append(encode_entry(channel.slug, channel.epoch, seq, update_id, at, author, fields))
        written.rows.append(
            (
                *(channel.id, seq, update_id, at, author),
                *(draft.level or "info", draft.key, bool(draft.gone), fields.decode(), draft.words),
                *(used if seq == last else (None, None, None)),
            )
        )
        if draft.tags:
            written.tags.extend((channel.id, tag, seq) for tag in dict.fromkeys(draft.tags))
    written.last[channel.id] = seq
    return tuple(entries)


def _digest(submission: Submission) -> str:
    return hashlib.sha256(b"\n".join(submission.fields)).hexdigest()
