"""Users: add, find, disable."""

from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Conflict
from app.model.user import User
from app.store.rows import to_time
from app.store.tables import USERS

_TABLE = USERS
_U = _TABLE.c
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


async def listed(tx: AsyncConnection) -> list[User]:
    """All users, by name."""
    return [_to_user(row) for row in await tx.execute(_USER.order_by(_U.name))]


async def set_disabled(tx: AsyncConnection, user_id: int, at: int | None) -> None:
    """Disable the user from `at` on; with None, enable the user."""
    await tx.execute(update(_TABLE).where(_U.id == user_id).values(disabled_at=at))


def _to_user(row: Any) -> User:
    return User(row.id, row.name, row.email, row.is_admin, to_time(row.disabled_at))
