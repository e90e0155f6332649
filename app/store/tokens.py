"""API tokens and tickets: kept as digests, found by them, revoked, used up."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.access import Credential, CredentialKind, Grant, Principal, Scope
from app.model.token import TokenLine
from app.store.marks import Marks
from app.store.marks import marks as marks_of
from app.store.rows import among, to_time
from app.store.tables import TICKETS, TOKENS, USERS

_T = TOKENS.c
_U = USERS.c
_P = TICKETS.c
_COLUMNS = (
    _T.id,
    _T.name,
    _T.scopes,
    _T.channel_id,
    _T.expires_at,
    _U.id.label("user_id"),
    _U.name.label("user"),
)
# Put together once: that costs as much as the query.
_LIVING = (
    select(*_COLUMNS, _U.is_admin)
    .select_from(TOKENS.join(USERS, _U.id == _T.user_id))
    .where(
        _T.revoked_at.is_(None),
        _U.disabled_at.is_(None),
        or_(_T.expires_at.is_(None), _T.expires_at > bindparam("now")),
    )
)
_OF_DIGEST = _LIVING.where(_T.digest == bindparam("digest"))


@dataclass(frozen=True, slots=True)
class NewToken:
    """What is kept of a new token."""

    digest: str
    prefix: str
    name: str
    user_id: int
    channel_id: int | None
    scopes: frozenset[Scope]
    expires_at: int | None


async def add(tx: AsyncConnection, new: NewToken, at: int) -> None:
    """Keep a new token."""
    values = {
        "digest": new.digest,
        "prefix": new.prefix,
        "name": new.name,
        "user_id": new.user_id,
        "channel_id": new.channel_id,
        "scopes": " ".join(sorted(new.scopes)),
        "expires_at": new.expires_at,
        "created_at": at,
    }
    await tx.execute(insert(TOKENS), [values])


async def principal(tx: AsyncConnection, digest: str, now: int) -> Principal | None:
    """Whose token this is; None when it is unknown, revoked, expired, or its user disabled."""
    found = await _principals(tx, _OF_DIGEST, {"digest": digest, "now": now})
    return next(iter(found.values()), None)


async def living(tx: AsyncConnection, token_ids: Collection[int], now: int) -> dict[int, Principal]:
    """Those of these tokens that still count, as they stand now."""
    return await _principals(tx, _LIVING.where(_T.id.in_(among(tx, token_ids))), {"now": now})


async def marks(tx: AsyncConnection, token_ids: Collection[int], now: int) -> Marks:
    """The same as marks."""
    return await marks_of(tx, _LIVING.where(_T.id.in_(among(tx, token_ids))).params(now=now), _T.id)


async def _principals(tx: AsyncConnection, which: Select[Any], values: dict[str, object]) -> dict[int, Principal]:
    return {
        row.id: Principal(
            row.user_id,
            row.user,
            row.is_admin,
            Credential(CredentialKind.TOKEN, row.id),
            Grant(
                row.name,
                frozenset(Scope(scope) for scope in row.scopes.split()),
                row.channel_id,
                to_time(row.expires_at),
            ),
        )
        for row in await tx.execute(which, values)
    }


async def listed(tx: AsyncConnection, user_id: int) -> list[TokenLine]:
    """A user's tokens, newest first."""
    query = (
        select(_T.prefix, _T.name, _U.name.label("user"), _T.scopes, _T.expires_at, _T.revoked_at)
        .select_from(TOKENS.join(USERS, _U.id == _T.user_id))
        .where(_T.user_id == user_id)
        .order_by(_T.id.desc())
    )
    return [
        TokenLine(row.prefix, row.name, row.user, row.scopes, to_time(row.expires_at), to_time(row.revoked_at))
        for row in await tx.execute(query)
    ]


async def revoke(tx: AsyncConnection, prefix: str, at: int) -> int:
    """Revoke the tokens that begin so; how many were alive."""
    query = update(TOKENS).where(_T.prefix == prefix, _T.revoked_at.is_(None)).values(revoked_at=at)
    return (await tx.execute(query)).rowcount


async def add_ticket(tx: AsyncConnection, digest: str, token_id: int, now: int, expires_at: int) -> None:
    """Keep a new ticket, and forget those whose time is over."""
    await tx.execute(delete(TICKETS).where(_P.expires_at < now))
    values = {"digest": digest, "token_id": token_id, "expires_at": expires_at}
    await tx.execute(insert(TICKETS), [values])


async def has_ticket(tx: AsyncConnection, digest: str) -> bool:
    """Is there such a ticket, in time or not?"""
    return (await tx.execute(select(_P.digest).where(_P.digest == digest))).first() is not None


async def take_ticket(tx: AsyncConnection, digest: str, now: int) -> Credential | None:
    """Use a ticket up: the credential that asked for it; None when the ticket is unknown, used or has expired."""
    query = delete(TICKETS).where(_P.digest == digest, _P.expires_at > now).returning(_P.token_id)
    token_id = (await tx.execute(query)).scalar_one_or_none()
    return Credential(CredentialKind.TOKEN, token_id) if token_id is not None else None
