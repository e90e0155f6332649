"""API tokens and tickets: create, recognise, revoke. The secret itself is returned once and not stored."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from app.clock import now_ms
from app.errors import InvalidRequest, NotFound, Unauthenticated
from app.model.access import Principal, Role, Scope, no_such_channel
from app.model.token import TokenLine
from app.store import channels, credentials, members, tokens, users
from app.store.engine.database import Database
from app.store.tokens import NewToken

TOKEN_PREFIX = "tw_"
TICKET_SECONDS = 60
_NO_TICKET = "This ticket is not known here, was used already, or is older than 60 seconds."
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
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
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


async def recognise(db: Database, token_digest: str) -> Principal:
    """The principal of the token with this digest. Raises Unauthenticated when it is unknown, revoked, expired or its
    user disabled."""
    async with db.looking() as tx:
        who = await tokens.principal(tx, token_digest, now_ms())
    if who is None:
        raise Unauthenticated("This token is not known here, or it was revoked or has expired.")
    return who


async def create_ticket(db: Database, who: Principal) -> str:
    """A one-use ticket for this principal's credential, valid for TICKET_SECONDS and no longer than the credential.
    Raises Unauthenticated for a principal without one."""
    if who.credential is None:
        raise Unauthenticated("A ticket needs a token: send one as 'Authorization: Bearer tw_…'.")
    secret = secrets.token_urlsafe(32)
    now = now_ms()
    async with db.transaction() as tx:
        await tokens.add_ticket(tx, digest(secret), who.credential.id, now, now + TICKET_SECONDS * 1000)
    return secret


async def redeem_ticket(db: Database, secret: str) -> Principal:
    """Use up a ticket, on every node. Returns the principal that it was created for. Raises Unauthenticated."""
    now = now_ms()
    async with db.reading() as tx:  # A guessed ticket must not cost a write transaction.
        known = await tokens.has_ticket(tx, digest(secret))
    if not known:
        raise Unauthenticated(_NO_TICKET)
    async with db.transaction() as tx:
        credential = await tokens.take_ticket(tx, digest(secret), now)
        valid = await credentials.valid(tx, [credential] if credential is not None else [], now)
    if credential is None or credential not in valid:
        raise Unauthenticated(_NO_TICKET)
    return valid[credential]


def digest(secret: str) -> str:
    """The stored form of a secret of 256 random bits. A fast hash is enough, because the secret can't be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()
