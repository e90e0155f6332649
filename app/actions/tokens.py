"""API tokens: create, list, revoke. The secret itself is returned once and not stored."""

from dataclasses import dataclass
from datetime import datetime

from app.actions.find import readable_in
from app.clock import now_ms
from app.errors import Conflict, Forbidden, InvalidRequest, NotFound
from app.live.hub import Hub
from app.model.access import Principal, Role, Scope, check_publish, no_such_channel
from app.model.secret import digest, new_secret
from app.model.session import DAY_MS
from app.model.token import TokenLine
from app.store import channels, members, tokens, users
from app.store.engine.database import Database
from app.store.tokens import NewToken
from app.telemetry.audit import Act, record

TOKEN_PREFIX = "tw_"
MOST_OF_USER = 200
MOST_DAYS = 365
MOST_NAME = 80
_PREFIX_CHARACTERS = 9  # Characters of a token that are stored in clear: "tw_" and six of its 43.


@dataclass(frozen=True, slots=True)
class TokenDraft:
    """The properties of a new token. Without a channel it is not bound to one."""

    user: str
    name: str | None
    scopes: frozenset[Scope]
    channel: str | None
    expires_at: datetime | None


async def create_token(db: Database, draft: TokenDraft) -> str:
    """Create a token of 256 random bits for a user, for the operator.

    A token never exceeds its user's rights. So a token that is bound to a channel makes its user a member there: a
    publisher if it has the scope `publish`, else a reader, unless the user already has a higher role. Raises NotFound
    or InvalidRequest.
    """
    if not draft.scopes:
        raise InvalidRequest("A token needs a scope: read, publish or both.", field="scope")
    secret = TOKEN_PREFIX + new_secret()
    async with db.transaction() as tx:
        user = await users.find(tx, draft.user)
        if user is None:
            raise NotFound(f"There is no user {draft.user!r}.", field="user")
        channel = await channels.find(tx, draft.channel) if draft.channel is not None else None
        if draft.channel is not None and channel is None:
            raise no_such_channel(draft.channel)
        if channel is not None and not user.is_admin:
            needed = Role.PUBLISHER if Scope.PUBLISH in draft.scopes else Role.READER
            if await members.role(tx, channel.id, user.id) < needed:
                await members.put(tx, channel.id, user.id, needed)
        new = NewToken(
            digest=digest(secret),
            prefix=secret[:_PREFIX_CHARACTERS],
            name=draft.name or user.name,
            user_id=user.id,
            channel_id=channel.id if channel is not None else None,
            scopes=draft.scopes,
            expires_at=round(draft.expires_at.timestamp() * 1000) if draft.expires_at else None,
        )
        await tokens.add(tx, new, now_ms())
    return secret


async def create_own_token(
    db: Database, who: Principal, slug: str | None, name: str, scopes: frozenset[Scope], *, days: int
) -> str:
    """Create a token of the caller's, valid for so many days, for one channel or for all. It makes nobody a member.

    Raises InvalidRequest, which names the field; NotFound, Unauthenticated or Forbidden for a channel that the caller
    may not read, or not publish to with the scope `publish`; and Conflict beyond MOST_OF_USER.
    """
    if who.user_id is None or who.grant is not None:
        raise Forbidden("Only who is signed in makes a token: a token makes none.")
    if not 1 <= days <= MOST_DAYS:
        raise InvalidRequest(f"A whole number from 1 to {MOST_DAYS}.", field="days")
    if not scopes:
        raise InvalidRequest("A token reads, publishes, or both.", field="scopes")
    if not 1 <= len(name) <= MOST_NAME or not name.isprintable():
        raise InvalidRequest(f"1 to {MOST_NAME} characters, all of them visible.", field="name")
    secret, now = TOKEN_PREFIX + new_secret(), now_ms()
    async with db.transaction() as tx:
        namesake = await users.find(tx, name)  # It is the author of what the token publishes.
        if namesake is not None and namesake.id != who.user_id:
            raise InvalidRequest("Another user has this name: choose another.", field="name")
        channel = None
        if slug is not None:
            channel, role = await readable_in(tx, who, slug)
            if Scope.PUBLISH in scopes:
                check_publish(who, channel, role)
        if await tokens.count_valid(tx, who.user_id, now) >= MOST_OF_USER:
            raise Conflict(f"You have {MOST_OF_USER} valid tokens, the most that a user may have: revoke one.")
        new = NewToken(
            digest=digest(secret),
            prefix=secret[:_PREFIX_CHARACTERS],
            name=name,
            user_id=who.user_id,
            channel_id=channel.id if channel is not None else None,
            scopes=scopes,
            expires_at=now + days * DAY_MS,
        )
        await tokens.add(tx, new, now)
    record(
        Act.TOKEN_CREATED, who.user, token=secret[:_PREFIX_CHARACTERS], channel=slug, scopes=" ".join(sorted(scopes))
    )
    return secret


async def list_own_tokens(db: Database, who: Principal) -> list[TokenLine]:
    """The caller's tokens that are not revoked, newest first."""
    async with db.reading() as tx:
        found = await tokens.listed(tx, who.user_id or 0)
    return [each for each in found if each.revoked_at is None]


async def revoke_own_token(db: Database, hub: Hub, who: Principal, token_id: int) -> None:
    """Revoke one of the caller's tokens: what is connected by it is closed. Raises NotFound."""
    async with db.transaction() as tx:
        if not await tokens.revoke_own(tx, who.user_id or 0, token_id, now_ms()):
            raise NotFound("This token is revoked already.")
    record(Act.TOKEN_REVOKED, who.user, token_id=token_id)
    hub.access_changed()


async def revoke_token(db: Database, prefix: str) -> None:
    """Revoke the token that begins with `prefix`; its connections end within the poll interval. Raises NotFound."""
    shown = prefix[:_PREFIX_CHARACTERS]
    async with db.transaction() as tx:
        if not await tokens.revoke(tx, shown, now_ms()):
            raise NotFound(f"There is no valid token that begins with {shown!r}.")


async def list_tokens(db: Database, user_name: str) -> list[TokenLine]:
    """A user's tokens, newest first. Raises NotFound."""
    async with db.reading() as tx:
        user = await users.find(tx, user_name)
        if user is None:
            raise NotFound(f"There is no user {user_name!r}.", field="user")
        return await tokens.listed(tx, user.id)
