"""A member of a channel, and an invitation to become one."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from app.model.access import Role

MOST_MEMBERS = 10_000  # Of one channel.
MOST_INVITATIONS = 100  # Of one channel, valid at once.
MOST_USES = 100  # Of one invitation.
MOST_INVITATION_DAYS = 30


class RoleName(StrEnum):
    """A role in words."""

    READER = "reader"
    PUBLISHER = "publisher"
    OWNER = "owner"


class RoleDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The role that a member gets: a reader watches, a publisher posts too, an owner manages the channel."""

    role: RoleName


@dataclass(frozen=True, slots=True)
class Member:
    """A member as the others see one."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation as the channel's owners see it, without its secret."""

    id: int
    role: Role
    inviter: str
    uses: int
    most_uses: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Invited:
    """What a valid invitation opens."""

    id: int
    channel_id: int
    slug: str
    title: str | None
    role: Role
    inviter_id: int
    inviter: str
    inviter_is_admin: bool


def as_public(member: Member) -> dict[str, str]:
    """The member as the API shows it."""
    return {"name": member.name, "role": RoleName[member.role.name].value}
