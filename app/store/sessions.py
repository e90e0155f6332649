"""Sessions of the pages, stored as digests: add, find, list, end."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Row, and_, bindparam, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.access import Credential, CredentialKind, Principal
from app.model.session import IDLE_MS, MOST_SESSIONS, REMEMBERED_MS, UNREMEMBERED_MS, NewSession, SessionLine
from app.store.rows import among, grouped, to_time
from app.store.tables import SESSIONS, USERS

_S = SESSIONS.c
_U = USERS.c
_COLUMNS = (_S.id, _S.seen_at, _U.id.label("user_id"), _U.name.label("user"), _U.is_admin)
_OF_USERS = SESSIONS.join(USERS, _U.id == _S.user_id)
_IS_VALID = and_(
    _U.disabled_at.is_(None), _S.expires_at > bindparam("now"), _S.seen_at > bindparam("now") - bindparam("idle")
)
_LABEL = case((_U.is_admin, "1"), else_="0")
_VALID = select(*_COLUMNS).select_from(_OF_USERS).where(_IS_VALID)
_OF_DIGEST = _VALID.where(_S.digest == bindparam("digest"))


async def add(tx: AsyncConnection, new: NewSession, digest: str, at: int) -> None:
    """Store a new session, and delete those that have expired and the user's oldest beyond MOST_SESSIONS."""
    kept = select(_S.id).where(_S.user_id == new.user_id).order_by(_S.seen_at.desc()).limit(MOST_SESSIONS - 1)
    await tx.execute(delete(SESSIONS).where(_S.expires_at <= at))
    await tx.execute(delete(SESSIONS).where(_S.user_id == new.user_id, _S.id.not_in(kept.scalar_subquery())))
    values = {
        "digest": digest,
        "user_id": new.user_id,
        "agent": new.agent,
        "address": new.address,
        "created_at": at,
        "seen_at": at,
        "expires_at": at + (REMEMBERED_MS if new.remembered else UNREMEMBERED_MS),
    }
    await tx.execute(insert(SESSIONS), [values])


async def principal(tx: AsyncConnection, digest: str, now: int) -> tuple[Principal, int] | None:
    """The principal of the session with this digest, and when it was last seen; None when it has ended or expired, or
    its user is disabled."""
    row = (await tx.execute(_OF_DIGEST, {"digest": digest, "now": now, "idle": IDLE_MS})).one_or_none()
    return None if row is None else (_to_principal(row), row.seen_at)


async def use(tx: AsyncConnection, session_ids: Collection[int], at: int) -> None:
    """Record that these were used."""
    await tx.execute(update(SESSIONS).where(_S.id.in_(among(tx, session_ids))).values(seen_at=at))


async def valid(tx: AsyncConnection, session_ids: Collection[int], now: int) -> dict[int, Principal]:
    """The principals of those sessions that are valid at `now`, by session id."""
    rows = await tx.execute(_VALID.where(_S.id.in_(among(tx, session_ids))), {"now": now, "idle": IDLE_MS})
    return {row.id: _to_principal(row) for row in rows}


async def changed(tx: AsyncConnection, known: Iterable[Principal], now: int) -> dict[int, Principal | None]:
    """The sessions whose rights at `now` differ from the rights in `known`, by id, each with its principal at `now`.

    None for a session that is no longer valid.
    """
    groups: dict[str, list[int]] = {}
    for each in known:
        if (credential := each.credential) is not None and credential.kind is CredentialKind.SESSION:
            groups.setdefault(str(int(each.is_admin)), []).append(credential.id)
    if not groups:
        return {}
    k = grouped(tx, groups)
    query = (
        select(k.c.number, *_COLUMNS)
        .select_from(k.outerjoin(_OF_USERS, and_(_S.id == k.c.number, _IS_VALID)))
        .where(case((_S.id.is_(None), None), else_=_LABEL).is_distinct_from(k.c.label))
    )
    rows = await tx.execute(query, {"now": now, "idle": IDLE_MS})
    return {row.number: None if row.id is None else _to_principal(row) for row in rows}


async def listed(tx: AsyncConnection, user_id: int, now: int) -> list[SessionLine]:
    """A user's valid sessions, the one that was seen last first."""
    query = (
        select(_S.id, _S.agent, _S.address, _S.created_at, _S.seen_at)
        .where(_S.user_id == user_id, _S.expires_at > now, _S.seen_at > now - IDLE_MS)
        .order_by(_S.seen_at.desc(), _S.id.desc())
    )
    return [_to_line(row) for row in await tx.execute(query)]


async def has_address(tx: AsyncConnection, user_id: int, address: str) -> bool:
    """Was a session of the user begun at this address?"""
    query = select(func.count()).select_from(SESSIONS).where(_S.user_id == user_id, _S.address == address)
    return bool((await tx.execute(query)).scalar_one())


async def end(tx: AsyncConnection, user_id: int, session_id: int) -> bool:
    """End one session of the user; False when there was none."""
    return bool((await tx.execute(delete(SESSIONS).where(_S.user_id == user_id, _S.id == session_id))).rowcount)


async def end_others(tx: AsyncConnection, user_id: int, kept: int | None) -> int:
    """End every session of the user but the one with the id `kept`. Returns how many ended."""
    query = delete(SESSIONS).where(_S.user_id == user_id, _S.id != (kept or 0))
    return (await tx.execute(query)).rowcount


def _to_principal(row: Row[*tuple[Any, ...]]) -> Principal:
    return Principal(row.user_id, row.user, row.is_admin, Credential(CredentialKind.SESSION, row.id))


def _to_line(row: Row[*tuple[Any, ...]]) -> SessionLine:
    created, seen = to_time(row.created_at), to_time(row.seen_at)
    assert created is not None and seen is not None
    return SessionLine(row.id, row.agent, row.address, created, seen)
