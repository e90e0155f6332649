"""A channel: a named, durable, ordered log, who may see it, and who may publish to it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from app.errors import InvalidRequest
from app.model.rules import rule, text, whole

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SLUG_WORDS = "1 to 63 of a-z, 0-9 and '-', beginning with a letter or digit"
MAX_RETENTION_DAYS = 36_500
OPEN_RETENTION_UPDATES = 100_000  # Of a channel to which everyone may publish: strangers fill it.
MAX_RETENTION_UPDATES = 10**9

# Names that the site itself uses or may use later: one list for every way to create a channel.
RESERVED = frozenset(
    [
        "about",
        "account",
        "accounts",
        "admin",
        "api",
        "apps",
        "assets",
        "auth",
        "billing",
        "channels",
        "css",
        "dashboard",
        "docs",
        "error",
        "errors",
        "favicon",
        "healthz",
        "help",
        "home",
        "hooks",
        "img",
        "invite",
        "invites",
        "js",
        "legal",
        "login",
        "logout",
        "me",
        "members",
        "metrics",
        "new",
        "oauth",
        "password",
        "privacy",
        "profile",
        "readyz",
        "register",
        "reset",
        "robots",
        "search",
        "security",
        "sessions",
        "settings",
        "setup",
        "signin",
        "signout",
        "signup",
        "sitemap",
        "static",
        "system",
        "terms",
        "ticket",
        "tickets",
        "token",
        "tokens",
        "users",
        "verify",
        "webhook",
        "webhooks",
        "well-known",
        "ws",
    ]
)


class Visibility(StrEnum):
    """Who may read: everyone, everyone who knows the name, or only members."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"


class Publishing(StrEnum):
    """Who may publish, of those who may see the channel."""

    EVERYONE = "everyone"
    MEMBERS = "members"
    PUBLISHERS = "publishers"


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel at one moment. `first_seq` is the oldest update kept; `last_seq + 1` when there is none."""

    id: int
    slug: str
    title: str | None
    description: str | None
    visibility: Visibility
    publishing: Publishing
    epoch: str
    first_seq: int
    last_seq: int
    last_at: datetime | None
    retention_days: int | None
    retention_updates: int | None
    created_at: datetime


Title = Annotated[str, text(1, 200, "shown instead of the slug")]
Description = Annotated[str, text(0, 2000, "what the channel is for")]
Days = Annotated[int, whole(1, MAX_RETENTION_DAYS, "updates older than so many days are removed, null keeps them")]
Updates = Annotated[int, whole(1, MAX_RETENTION_UPDATES, "only the newest so many are kept, null keeps all")]


class ChannelDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The properties of a new channel. By default it is private, and only its publishers may publish."""

    slug: Annotated[str, rule(_SLUG_WORDS, "the channel's name in URLs", pattern=f"^{SLUG.pattern}$")]
    title: Title | None = None
    description: Description | None = None
    visibility: Visibility = Visibility.PRIVATE
    publishing: Publishing = Publishing.PUBLISHERS
    retention_days: Days | None = None
    retention_updates: Updates | None = None


def with_default_retention(draft: ChannelDraft) -> ChannelDraft:
    """The draft itself; where everyone may publish and it names no retention, with OPEN_RETENTION_UPDATES."""
    is_bounded = draft.retention_days is not None or draft.retention_updates is not None
    if draft.publishing is not Publishing.EVERYONE or is_bounded:
        return draft
    return replace(draft, retention_updates=OPEN_RETENTION_UPDATES)


class ChannelPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The changes to a channel: an absent field stays as it is, null clears it. The slug never changes."""

    title: Title | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET
    visibility: Visibility | UnsetType = UNSET
    publishing: Publishing | UnsetType = UNSET
    retention_days: Days | UnsetType | None = UNSET
    retention_updates: Updates | UnsetType | None = UNSET

    def changes(self) -> dict[str, object]:
        """The given fields only."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not UNSET}


def check_slug(slug: str) -> str:
    """The slug itself. Raises InvalidRequest when it can't name a channel."""
    if not SLUG.fullmatch(slug):
        raise InvalidRequest(f"A channel's slug must be {_SLUG_WORDS}; got {slug[:80]!r}.", field="slug")
    if slug in RESERVED:
        raise InvalidRequest(f"{slug!r} is a name that the site keeps for itself; choose another slug.", field="slug")
    return slug


def as_public(channel: Channel) -> dict[str, object]:
    """The channel as the API shows it."""
    return {
        "slug": channel.slug,
        "title": channel.title,
        "description": channel.description,
        "visibility": channel.visibility.value,
        "publishing": channel.publishing.value,
        "epoch": channel.epoch,
        "first_seq": channel.first_seq,
        "last_seq": channel.last_seq,
        "last_at": None if channel.last_at is None else _public_time(channel.last_at),
        "retention_days": channel.retention_days,
        "retention_updates": channel.retention_updates,
        "created_at": _public_time(channel.created_at),
    }


def _public_time(at: datetime) -> str:
    """In the form of an update's `at`: UTC, with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
