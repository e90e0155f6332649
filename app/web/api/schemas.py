"""The schemas of the API's answers, for the OpenAPI document. A test compares real answers with them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from app.model.access import CredentialKind, Scope
from app.model.channel import Publishing, Visibility
from app.model.member import RoleName
from app.model.update import MAX_BATCH, Draft

Moment = Annotated[datetime, Meta(tz=True)]


class Update(Draft, frozen=True, kw_only=True):
    """One entry of a channel: the publisher's fields, and those that the server adds."""

    channel: str
    epoch: Annotated[str, Meta(description="Identifies the channel's log; a new log has a new one.")]
    seq: Annotated[int, Meta(ge=1, description="Counts 1, 2, 3 … in the channel, without a gap.")]
    id: Annotated[UUID, Meta(description="A UUID, version 7.")]
    at: Annotated[datetime, Meta(tz=True, description="When it was committed.")]
    author: Annotated[str | None, Meta(description="The token's or user's name; null for an anonymous publish.")]


class Channel(Struct, frozen=True, kw_only=True):
    """A channel, as it is now."""

    slug: str
    title: str | None
    description: str | None
    visibility: Visibility
    publishing: Publishing
    epoch: str
    first_seq: Annotated[int, Meta(description="The oldest update kept; last_seq + 1 when there is none.")]
    last_seq: int
    last_at: Moment | None
    retention_days: int | None
    retention_updates: int | None
    created_at: Moment


class Batch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Several updates. All of them are stored, in order, or none."""

    updates: Annotated[tuple[Draft, ...], Meta(min_length=1, max_length=MAX_BATCH)]


class Published(Struct, frozen=True, kw_only=True):
    """A batch as stored."""

    updates: tuple[Update, ...]


class History(Struct, frozen=True, kw_only=True):
    """A part of a channel's log."""

    epoch: str
    last_seq: int
    next_cursor: str | None
    updates: tuple[Update, ...]


class Board(Struct, frozen=True, kw_only=True):
    """The newest update of every key."""

    epoch: str
    last_seq: int
    board: dict[str, Update]
    next_cursor: str | None


class Channels(Struct, frozen=True, kw_only=True):
    """A page of channels, by slug."""

    channels: tuple[Channel, ...]
    next_cursor: str | None


class Presence(Struct, frozen=True, kw_only=True):
    """Who watches a channel now; names only for its members."""

    watching: int
    users: tuple[str, ...]


class Member(Struct, frozen=True, kw_only=True):
    """A member of a channel."""

    name: str
    role: RoleName


class Members(Struct, frozen=True, kw_only=True):
    """The members of a channel, owners first."""

    members: tuple[Member, ...]


class Caller(Struct, frozen=True, kw_only=True):
    """Who calls, by which credential, and what it permits."""

    user: Annotated[str | None, Meta(description="Null for an anonymous caller.")]
    admin: bool
    credential: CredentialKind | None
    scopes: tuple[Scope, ...]
    bound: Annotated[bool, Meta(description="Is it a token for one channel?")]
    expires_at: Annotated[Moment | None, Meta(description="Of a token that expires.")]


class Ticket(Struct, frozen=True, kw_only=True):
    """A one-use pass for a stream or a websocket."""

    ticket: str
    expires_in: Annotated[int, Meta(description="Seconds.")]


class Fault(Struct, frozen=True, kw_only=True):
    """The error: the code is for programs, the message is public."""

    code: str
    message: str
    field: str | None
    request_id: str


class Error(Struct, frozen=True, kw_only=True):
    """The body of every error answer."""

    error: Fault
