"""Users: add, find, change the password, disable."""

from typing import Any

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Conflict
from app.model.user import User, UserLine
from app.store.rows import to_time
from app.store.tables import SESSIONS, USERS

_TABLE = USERS
_U = _TABLE.c
_S = SESSIONS.c
_USER = select(_U.id, _U.name, _U.email, _U.is_admin, _U.disabled_at)


async def add(tx: AsyncConnection, name: str, email: str, password_hash: str | None, is_admin: bool, at: int) -> User:
    """A new user. Raises Conflict when the name or the email address is taken."""
    values = {
        "name": name,
        "email": email,
        "password_hash": password_hash,
        "is_admin": is_admin,
        "created_at": at,
    }
    try:
        row = (await tx.execute(insert(_TABLE).values(values).returning(_U.id))).one()
    except IntegrityError:
        raise Conflict(f"There is a user of the name {name!r} or the address {email!r} already.") from None
    return User(row.id, name, email, is_admin, None)


async def find(tx: AsyncConnection, name: str) -> User | None:
    """The user with this name."""
    row = (await tx.execute(_USER.where(_U.name == name))).one_or_none()
    return _to_user(row) if row else None


async def exist(tx: AsyncConnection) -> bool:
    """Is there any user?"""
    return (await tx.execute(select(_U.id).limit(1))).first() is not None


async def find_to_sign_in(tx: AsyncConnection, name: str) -> tuple[User | None, str | None]:
    """The user with this name or address who is not disabled, and the password's hash if there is one."""
    query = _USER.add_columns(_U.password_hash).where(or_(_U.name == name, _U.email == name.lower()))
    row = (await tx.execute(query.where(_U.disabled_at.is_(None)).order_by(_U.name != name))).first()
    return (_to_user(row), row.password_hash) if row else (None, None)


async def password_hash(tx: AsyncConnection, user_id: int) -> str | None:
    """The hash of the user's password, if there is one."""
    return (await tx.execute(select(_U.password_hash).where(_U.id == user_id))).scalar_one_or_none()


async def set_password_hash(tx: AsyncConnection, user_id: int, password_hash: str) -> None:
    """Change the user's password."""
    await tx.execute(update(_TABLE).where(_U.id == user_id).values(password_hash=password_hash))


async def listed(tx: AsyncConnection) -> list[User]:
    """All users, by name."""
    return [_to_user(row) for row in await tx.execute(_USER.order_by(_U.name))]


async def page(tx: AsyncConnection, *, q: str | None, above: str, limit: int, now: int) -> list[UserLine]:
    """Users by name, after the name `above`; with `q` those with that in their name or address."""
    valid = (_S.user_id == _U.id) & (_S.expires_at > now)
    query = (
        select(
            _U.name,
            _U.email,
            _U.is_admin,
            _U.disabled_at,
            _U.created_at,
            func.count(_S.id).label("sessions"),
            func.max(_S.seen_at).label("seen_at"),
        )
        .select_from(_TABLE.outerjoin(SESSIONS, valid))
        .where(_U.name > above)
        .group_by(_U.id)
        .order_by(_U.name)
        .limit(limit)
    )
    if q is not None:
        query = query.where(or_(_U.name.icontains(q, autoescape=True), _U.email.icontains(q, autoescape=True)))
    return [_to_line(row) for row in await tx.execute(query)]


async def lock_admins(tx: AsyncConnection) -> set[int]:
    """The ids of the administrators who are not disabled, locked until the transaction ends: two can't take the right
    from each other at once."""
    query = select(_U.id).where(_U.is_admin, _U.disabled_at.is_(None)).order_by(_U.id).with_for_update()
    return set((await tx.execute(query)).scalars())


async def set_admin(tx: AsyncConnection, user_id: int, is_admin: bool) -> None:
    """Make the user an administrator, or one no more."""
    await tx.execute(update(_TABLE).where(_U.id == user_id).values(is_admin=is_admin))


async def set_disabled(tx: AsyncConnection, user_id: int, at: int | None) -> None:
    """Disable the user from `at` on; with None, enable the user."""
    await tx.execute(update(_TABLE).where(_U.id == user_id).values(disabled_at=at))


def _to_user(row: Any) -> User:
    return User(row.id, row.name, row.email, row.is_admin, to_time(row.disabled_at))


def _to_line(row: Any) -> UserLine:
    created = to_time(row.created_at)
    assert created is not None
    times = to_time(row.disabled_at), created, row.sessions, to_time(row.seen_at)
    return UserLine(row.name, row.email, row.is_admin, *times)
