"""Who may do what: every answer is given here, from values alone."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Protocol

from app.errors import Forbidden, NotFound, Refusal, Unauthenticated
from app.model.channel import SLUG, Channel, Publishing, Visibility


class Scope(StrEnum):
    """What a token may be used for, at most."""

    READ = "read"
    PUBLISH = "publish"


class Role(IntEnum):
    """What a member is to a channel; each may do what the lower ones may."""

    NONE = 0
    READER = 1
    PUBLISHER = 2
    OWNER = 3


class CredentialKind(StrEnum):
    """The kinds of credentials. A ticket is none: it stands for the credential that asked for it."""

    TOKEN = "token"


@dataclass(frozen=True, slots=True)
class Credential:
    """What a principal is known by: a row in SQL that may be revoked, and then ends whatever was opened with it."""

    kind: CredentialKind
    id: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token narrows its user's rights to."""

    name: str
    scopes: frozenset[Scope]
    channel_id: int | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, by which credential, and what that narrows. A principal without a credential is ANONYMOUS; one without
    a grant may do all that its user may."""

    user_id: int | None
    user: str | None
    is_admin: bool = False
    credential: Credential | None = None
    grant: Grant | None = None

    @property
    def author(self) -> str | None:
        """The author of what it publishes."""
        return self.grant.name if self.grant else self.user

    @property
    def rate_key(self) -> str | None:
        """The bucket in which its calls are counted; None for anonymous callers, who count by address."""
        if self.credential is not None and self.credential.kind is CredentialKind.TOKEN:
            return f"token:{self.credential.id}"
        return f"user:{self.user_id}" if self.user_id is not None else None


class Readable(Protocol):
    """As much of a channel as it takes to say who may read it."""

    @property
    def id(self) -> int: ...
    @property
    def slug(self) -> str: ...
    @property
    def visibility(self) -> Visibility: ...


class Publishable(Readable, Protocol):
    """As much of a channel as it takes to say who may publish to it."""

    @property
    def publishing(self) -> Publishing: ...


ANONYMOUS = Principal(user_id=None, user=None)


def may_see(who: Principal, channel: Readable, role: Role) -> bool:
    """May they know that the channel exists?"""
    if channel.visibility is not Visibility.PRIVATE:
        return True
    return (who.is_admin or role >= Role.READER) and not _is_elsewhere(who, channel)


def check_list(who: Principal) -> None:
    """May they list channels? Everybody may, a token with the scope `read`."""
    if who.grant and Scope.READ not in who.grant.scopes:
        raise Forbidden(f"This token lacks the scope {Scope.READ.value!r}.")


def check_read(who: Principal, channel: Readable, role: Role) -> None:
    """Raises NotFound where they may not know of it, Forbidden where the token lacks the right."""
    _check_seen(who, channel, role)
    _check_grant(who, channel, Scope.READ)


def check_publish(who: Principal, channel: Publishable, role: Role) -> None:
    """Raises NotFound, Unauthenticated or Forbidden, naming the rule and the right that is missing."""
    _check_seen(who, channel, role)
    _check_grant(who, channel, Scope.PUBLISH)
    if who.is_admin or channel.publishing is Publishing.EVERYONE:
        return
    needed = Role.READER if channel.publishing is Publishing.MEMBERS else Role.PUBLISHER
    if role < needed:
        _refuse(who, f"Publishing to {channel.slug!r} is for its {channel.publishing.value}.")


def check_configure(who: Principal, channel: Channel, role: Role) -> None:
    """May they change or delete the channel? Its owners and admins, signed in or with an unbound publish token."""
    _check_seen(who, channel, role)
    _check_grant(who, channel, Scope.PUBLISH)
    if not (who.is_admin or role >= Role.OWNER) or (who.grant and who.grant.channel_id is not None):
        _refuse(who, f"Changing {channel.slug!r} is for its owners and for admins, with a token for all channels.")


def check_create(who: Principal) -> None:
    """May they create channels? Every user, signed in or with an unbound publish token."""
    if who.user_id is None:
        raise Unauthenticated("Creating a channel needs a user: send a token as 'Authorization: Bearer tw_…'.")
    if who.grant and (Scope.PUBLISH not in who.grant.scopes or who.grant.channel_id is not None):
        raise Forbidden("Creating a channel needs a token with the scope 'publish' that is not bound to a channel.")


def may_see_names(who: Principal, channel: Channel, role: Role) -> bool:
    """May they know who watches, not only how many? Members and admins."""
    return (who.is_admin or role >= Role.READER) and not _is_elsewhere(who, channel)


def _is_elsewhere(who: Principal, channel: Readable) -> bool:
    return who.grant is not None and who.grant.channel_id not in (None, channel.id)


def _check_seen(who: Principal, channel: Readable, role: Role) -> None:
    if not may_see(who, channel, role):
        raise no_such_channel(channel.slug)


def _check_grant(who: Principal, channel: Readable, scope: Scope) -> None:
    if _is_elsewhere(who, channel):
        raise Forbidden(f"This token is bound to another channel than {channel.slug!r}.")
    if who.grant and scope not in who.grant.scopes:
        raise Forbidden(f"This token lacks the scope {scope.value!r}.")


def _refuse(who: Principal, rule: str) -> None:
    refusal: type[Refusal] = Forbidden if who.user_id is not None else Unauthenticated
    hint = "" if who.user_id is not None else " Send a token as 'Authorization: Bearer tw_…'."
    raise refusal(rule + hint)


def check_name(slug: str) -> None:
    """Raises NotFound for a name that no channel can have, before any database is asked to look for it."""
    if not SLUG.fullmatch(slug):
        raise no_such_channel(slug)


def no_such_channel(slug: str) -> NotFound:
    """The one answer for a channel that is not there and for one the caller may not see."""
    return NotFound(f"There is no channel {slug[:80]!r} that you may see.")
