"""Users: create, list, disable and enable, for the operator."""

import asyncio
import re

from argon2 import PasswordHasher

from app.clock import now_ms
from app.errors import InvalidRequest, NotFound
from app.model.user import User
from app.store import users
from app.store.engine.database import Database

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}")
MIN_PASSWORD = 12
MAX_PASSWORD = 1000
_hasher = PasswordHasher()  # Argon2id with RFC 9106's low-memory parameters, argon2-cffi's default.


async def create_user(db: Database, name: str, email: str, password: str | None, is_admin: bool) -> User:
    """A new user. Without a password only tokens authenticate the user. Raises InvalidRequest or Conflict."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            "A user's name is 1 to 40 letters, digits, '.', '_' and '-', and begins with a letter or digit.",
            field="name",
        )
    if not _EMAIL.fullmatch(email):
        raise InvalidRequest("An email address looks like name@example.org.", field="email")
    if password is not None and not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidRequest(f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters.", field="password")
    # Hashing takes tens of milliseconds on purpose, so it runs on a thread.
    password_hash = await asyncio.to_thread(_hasher.hash, password) if password is not None else None
    async with db.transaction() as tx:
        return await users.add(tx, name, email.lower(), password_hash, is_admin, now_ms())


async def list_users(db: Database) -> list[User]:
    """All users, by name."""
    async with db.reading() as tx:
        return await users.listed(tx)


async def set_user_disabled(db: Database, name: str, disabled: bool) -> None:
    """Disable or enable a user. The tokens of a disabled user are not valid. Raises NotFound."""
    async with db.transaction() as tx:
        user = await users.find(tx, name)
        if user is None:
            raise NotFound(f"There is no user {name!r}.", field="name")
        await users.set_disabled(tx, user.id, now_ms() if disabled else None)
