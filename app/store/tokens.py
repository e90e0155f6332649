"""API tokens, stored as digests: add, find, list, revoke."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Text, and_, bindparam, case, cast, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.access import Credential, CredentialKind, Grant, Principal, Scope
from app.model.token import TokenLine
from app.store.rows import CHANNEL_COLUMNS, among, grouped, to_time
from app.store.tables import CHANNELS, TOKENS, USERS

_T = TOKENS.c
_U = USERS.c
_COLUMNS = (
    _T.id,
    _T.name,
    _T.scopes,
    _T.channel_id,
    _T.expires_at,
    _T.used_at,
    _U.id.label("user_id"),
    _U.name.label("user"),
    _U.is_admin,
)
_IS_VALID = and_(
    _T.revoked_at.is_(None),
    _U.disabled_at.is_(None),
    or_(_T.expires_at.is_(None), _T.expires_at > bindparam("now")),
)
_LABEL = case((_U.is_admin, "1"), else_="0") + " " + cast(func.coalesce(_T.channel_id, 0), Text) + " " + _T.scopes
# Built once: building it costs as much as running it.
_VALID = select(*_COLUMNS).select_from(TOKENS.join(USERS, _U.id == _T.user_id)).where(_IS_VALID)
_OF_DIGEST = _VALID.where(_T.digest == bindparam("digest"))


@dataclass(frozen=True, slots=True)
class NewToken:
    """A new token, as it is stored."""

    digest: str
    prefix: str
    name: str
    user_id: int
    channel_id: int | None
    scopes: frozenset[Scope]
    expires_at: int | None


async def add(tx: AsyncConnection, new: NewToken, at: int) -> None:
    """Store a new token."""
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


async def principal(tx: AsyncConnection, digest: str, now: int) -> tuple[Principal, int] | None:
    """The principal of the token with this digest, and when its use was last recorded (0: never); None when it is
    unknown, revoked, expired or its user disabled."""
    row = (await tx.execute(_OF_DIGEST, {"digest": digest, "now": now})).one_or_none()
    return None if row is None else (_to_principal(row), row.used_at or 0)


async def use(tx: AsyncConnection, token_ids: Collection[int], at: int) -> None:
    """Record that these were used."""
    await tx.execute(update(TOKENS).where(_T.id.in_(among(tx, token_ids))).values(used_at=at))


async def valid(tx: AsyncConnection, token_ids: Collection[int], now: int) -> dict[int, Principal]:
    """The principals of those tokens that are valid at `now`, by token id."""
    rows = await tx.execute(_VALID.where(_T.id.in_(among(tx, token_ids))), {"now": now})
    return {row.id: _to_principal(row) for row in rows}


async def changed(tx: AsyncConnection, known: Iterable[Principal], now: int) -> dict[int, Principal | None]:
    """The tokens whose rights at `now` differ from the rights in `known`, by id, each with its principal at `now`.

    None for a token that is no longer valid.
    """
    groups: dict[str, list[int]] = {}
    for each in known:
        if (grant := each.grant) is not None and (credential := each.credential) is not None:
            scopes = " ".join(sorted(grant.scopes))
            groups.setdefault(f"{int(each.is_admin)} {grant.channel_id or 0} {scopes}", []).append(credential.id)
    if not groups:
        return {}
    k = grouped(tx, groups)
    query = (
        select(k.c.number, *_COLUMNS)
        .select_from(k.outerjoin(TOKENS.join(USERS, _U.id == _T.user_id), and_(_T.id == k.c.number, _IS_VALID)))
        .where(_LABEL.is_distinct_from(k.c.label))
    )
    rows = await tx.execute(query, {"now": now})
    return {row.number: None if row.id is None else _to_principal(row) for row in rows}


def _to_principal(row: Row[*tuple[Any, ...]]) -> Principal:
    scopes = frozenset(Scope(scope) for scope in row.scopes.split())
    grant = Grant(row.name, scopes, row.channel_id, to_time(row.expires_at))
    return Principal(row.user_id, row.user, row.is_admin, Credential(CredentialKind.TOKEN, row.id), grant)


async def listed(tx: AsyncConnection, user_id: int) -> list[TokenLine]:
    """A user's tokens, newest first."""
    query = (
        select(
            _T.id,
            _T.prefix,
            _T.name,
            _U.name.label("user"),
            _T.scopes,
            CHANNEL_COLUMNS.slug,
            _T.created_at,
            _T.expires_at,
            _T.revoked_at,
            _T.used_at,
        )
        .select_from(TOKENS.join(USERS, _U.id == _T.user_id).outerjoin(CHANNELS, CHANNEL_COLUMNS.id == _T.channel_id))
        .where(_T.user_id == user_id)
        .order_by(_T.id.desc())
    )
    return [_to_line(row) for row in await tx.execute(query)]


def _to_line(row: Row[*tuple[Any, ...]]) -> TokenLine:
    created = to_time(row.created_at)
    assert created is not None
    times = (to_time(row.expires_at), to_time(row.revoked_at), to_time(row.used_at))
    return TokenLine(row.id, row.prefix, row.name, row.user, row.scopes, row.slug, created, *times)


async def count_valid(tx: AsyncConnection, user_id: int, now: int) -> int:
    """How many valid tokens the user has."""
    query = select(func.count()).select_from(TOKENS).where(_T.user_id == user_id, _T.revoked_at.is_(None))
    return (await tx.execute(query.where(or_(_T.expires_at.is_(None), _T.expires_at > now)))).scalar_one()


async def revoke_own(tx: AsyncConnection, user_id: int, token_id: int, at: int) -> bool:
    """Revoke a token of this user's; False when there was no such valid one."""
    query = update(TOKENS).where(_T.user_id == user_id, _T.id == token_id, _T.revoked_at.is_(None))
    return bool((await tx.execute(query.values(revoked_at=at))).rowcount)


async def revoke(tx: AsyncConnection, prefix: str, at: int) -> int:
    """Revoke the tokens that begin with `prefix`. Returns how many were revoked."""
    query = update(TOKENS).where(_T.prefix == prefix, _T.revoked_at.is_(None)).values(revoked_at=at)
    return (await tx.execute(query)).rowcount
