"""Access rules: who may do what, decided from values only."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Protocol

from app.errors import Forbidden, NotFound, Refusal, Unauthenticated
from app.model.channel import SLUG, Channel, Publishing, Visibility


class Scope(StrEnum):
    """What a token permits, at most."""

    READ = "read"
    PUBLISH = "publish"


class Role(IntEnum):
    """A user's role in a channel. Each role includes the rights of the lower ones."""

    NONE = 0
    READER = 1
    PUBLISHER = 2
    OWNER = 3


class CredentialKind(StrEnum):
    """The kinds of credentials. A ticket is not one: it stands for the credential that created it."""

    TOKEN = "token"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Credential:
    """What identifies a principal: a row in SQL. When it is revoked, connections that were opened with it end."""

    kind: CredentialKind
    id: int


@dataclass(frozen=True, slots=True)
class Grant:
    """The rights to which a token narrows its user's rights."""

    name: str
    scopes: frozenset[Scope]
    channel_id: int | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: the user, the credential, and the grant that narrows the user's rights.

    A principal without a credential is ANONYMOUS; one without a grant has all rights of its user.
    """

    user_id: int | None
    user: str | None
    is_admin: bool = False
    credential: Credential | None = None
    grant: Grant | None = None
    is_foreign: bool = False  # The page of another site calls without a credential.

    @property
    def author(self) -> str | None:
        """The author of what it publishes."""
        return self.grant.name if self.grant else self.user

    @property
    def rate_key(self) -> str | None:
        """The bucket in which its calls are counted; None for anonymous callers, which are counted by address."""
        if self.credential is not None and self.credential.kind is CredentialKind.TOKEN:
            return f"token:{self.credential.id}"
        return f"user:{self.user_id}" if self.user_id is not None else None


class Readable(Protocol):
    """The part of a channel that decides who may read it."""

    @property
    def id(self) -> int: ...
    @property
    def slug(self) -> str: ...
    @property
    def visibility(self) -> Visibility: ...


class Publishable(Readable, Protocol):
    """The part of a channel that decides who may publish to it."""

    @property
    def publishing(self) -> Publishing: ...


ANONYMOUS = Principal(user_id=None, user=None)
OPERATOR = Principal(user_id=None, user=None, is_admin=True)  # Whoever works on the database itself.
FOREIGN = Principal(user_id=None, user=None, is_foreign=True)


def may_see(who: Principal, channel: Readable, role: Role) -> bool:
    """True if the caller may know that the channel exists."""
    if channel.visibility is not Visibility.PRIVATE:
        return True
    return (who.is_admin or role >= Role.READER) and not _is_elsewhere(who, channel)


def has_scope(who: Principal, scope: Scope) -> bool:
    """False for a token without it."""
    return who.grant is None or scope in who.grant.scopes


def check_list(who: Principal) -> None:
    """Raises Forbidden for a token without the scope `read`; every other caller may list channels."""
    if not has_scope(who, Scope.READ):
        raise Forbidden(f"This token lacks the scope {Scope.READ.value!r}.")


def check_read(who: Principal, channel: Readable, role: Role) -> None:
    """Raises NotFound when the caller may not know of the channel, Forbidden when the token lacks the right."""
    _check_seen(who, channel, role)
    _check_grant(who, channel, Scope.READ)


def check_publish(who: Principal, channel: Publishable, role: Role) -> None:
    """Raises NotFound, Unauthenticated or Forbidden, naming the rule and the right that is missing."""
    _check_seen(who, channel, role)
    if who.is_foreign:
        raise Forbidden(
            "A page of another site publishes with a token only, or where TIDEWIRE_ALLOWED_ORIGINS names it."
        )
    _check_grant(who, channel, Scope.PUBLISH)
    if who.is_admin or channel.publishing is Publishing.EVERYONE:
        return
    needed = Role.READER if channel.publishing is Publishing.MEMBERS else Role.PUBLISHER
    if role < needed:
        _refuse(who, f"Publishing to {channel.slug!r} is for its {channel.publishing.value}.")


def check_configure(who: Principal, channel: Channel, role: Role) -> None:
    """Raises as `check_publish` unless the caller may change or delete the channel: its owners and admins may, signed
    in or with a publish token for all channels."""
    _check_seen(who, channel, role)
    _check_grant(who, channel, Scope.PUBLISH)
    if not (who.is_admin or role >= Role.OWNER) or (who.grant and who.grant.channel_id is not None):
        _refuse(who, f"Changing {channel.slug!r} is for its owners and for admins, with a token for all channels.")


def check_create(who: Principal) -> None:
    """Raises Unauthenticated or Forbidden unless the caller may create channels: every user may, signed in or with a
    publish token for all channels."""
    if who.user_id is None:
        raise Unauthenticated("Creating a channel needs a user: send a token as 'Authorization: Bearer tw_…'.")
    if who.grant and (Scope.PUBLISH not in who.grant.scopes or who.grant.channel_id is not None):
        raise Forbidden("Creating a channel needs a token with the scope 'publish' that is not bound to a channel.")


def check_administer(who: Principal) -> None:
    """Raises Unauthenticated or Forbidden unless the caller is an administrator who is signed in: a token manages no
    users."""
    if who.user_id is None:
        raise Unauthenticated("Managing users is for administrators, who are signed in.")
    if not who.is_admin or who.grant is not None:
        raise Forbidden("Managing users is for administrators, who are signed in.")


def may_see_names(who: Principal, channel: Channel, role: Role) -> bool:
    """True if the caller may see the watchers' names, not only their number: members and admins."""
    return (who.is_admin or role >= Role.READER) and not _is_elsewhere(who, channel)


def check_see_members(who: Principal, channel: Channel, role: Role) -> None:
    """Raises as `check_publish` unless the caller may see who the members are: the members may, and admins."""
    _check_seen(who, channel, role)
    _check_grant(who, channel, Scope.READ)
    if not may_see_names(who, channel, role):
        _refuse(who, f"The members of {channel.slug!r} are shown to its members.")


def _is_elsewhere(who: Principal, channel: Readable) -> bool:
    return who.grant is not None and who.grant.channel_id not in (None, channel.id)


def _check_seen(who: Principal, channel: Readable, role: Role) -> None:
    if not may_see(who, channel, role):
        raise no_such_channel(channel.slug)


def _check_grant(who: Principal, channel: Readable, scope: Scope) -> None:
    if _is_elsewhere(who, channel):
        raise Forbidden(f"This token is bound to another channel than {channel.slug!r}.")
    if not has_scope(who, scope):
        raise Forbidden(f"This token lacks the scope {scope.value!r}.")


def _refuse(who: Principal, rule: str) -> None:
    refusal: type[Refusal] = Forbidden if who.user_id is not None else Unauthenticated
    hint = "" if who.user_id is not None else " Send a token as 'Authorization: Bearer tw_…'."
    raise refusal(rule + hint)


def check_name(slug: str) -> None:
    """Raises NotFound for a name that no channel can have, without a query."""
    if not SLUG.fullmatch(slug):
        raise no_such_channel(slug)


def no_such_channel(slug: str) -> NotFound:
    """The same error for a channel that does not exist and for one that the caller may not see."""
    return NotFound(f"There is no channel {slug[:80]!r} that you may see.")
