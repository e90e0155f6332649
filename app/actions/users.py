"""Users: create, list, disable and enable, for the operator."""

import re

from app.actions.attempts import NETWORK_S, attempt_succeeded, begin_attempt
from app.actions.passwords import MAX_PASSWORD, check_password, hash_password, verify_password
from app.actions.sessions import end_others_in
from app.clock import now_ms
from app.errors import InvalidRequest, NotFound
from app.live.hub import Hub
from app.model.access import Principal
from app.model.user import User
from app.store import sessions, users
from app.store.engine.database import Database
from app.telemetry.audit import Act, record

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}")


async def create_user(db: Database, name: str, email: str, password: str | None, is_admin: bool) -> User:
    """A new user. Without a password only tokens authenticate the user. Raises InvalidRequest or Conflict."""
    email = check_user(name, email)
    if password is not None:
        check_password(password, name, email)
    password_hash = await hash_password(password) if password is not None else None
    async with db.transaction() as tx:
        return await users.add(tx, name, email, password_hash, is_admin, now_ms())


def check_user(name: str, email: str) -> str:
    """The address as it is stored. Raises InvalidRequest for a name or an address that no user may have."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            "A user's name is 1 to 40 letters, digits, '.', '_' and '-', and begins with a letter or digit.",
            field="name",
        )
    if not _EMAIL.fullmatch(email):
        raise InvalidRequest("An email address looks like name@example.org.", field="email")
    return email.lower()


async def show_user(db: Database, who: Principal) -> User:
    """The caller's own user. Raises NotFound."""
    async with db.reading() as tx:
        user = await users.find(tx, who.user or "")
    if user is None:
        raise NotFound("There is no such user any more.")
    return user


async def change_password(db: Database, hub: Hub, who: Principal, old: str, new: str, *, end_others: bool) -> None:
    """Change the caller's password, who proves to know the old one. With `end_others` every other session ends. Raises
    InvalidRequest, which names `old` or `new`, and RateLimited after too many wrong ones."""
    user = await show_user(db, who)
    attempts = f"password:{user.id}"
    async with db.transaction() as tx:
        stored = await users.password_hash(tx, user.id)
        await begin_attempt(tx, {attempts: NETWORK_S})
    if len(old) > MAX_PASSWORD or not await verify_password(old, stored):
        raise InvalidRequest("This is not your password.", field="old")
    check_password(new, user.name, user.email, field="new")
    hashed = await hash_password(new)
    async with db.transaction() as tx:
        if await users.password_hash(tx, user.id) != stored:
            raise InvalidRequest("This is not your password any more.", field="old")
        await attempt_succeeded(tx, attempts)
        await users.set_password_hash(tx, user.id, hashed)
        if end_others:
            await end_others_in(tx, who)
    record(Act.PASSWORD_CHANGED, who.user, others_ended=end_others)
    hub.access_changed()


async def set_password(db: Database, name: str, password: str) -> int:
    """Give a user a new password, for the operator: every session of the user ends. Returns how many did. Raises
    NotFound or InvalidRequest."""
    async with db.reading() as tx:
        user = await users.find(tx, name)
    if user is None:
        raise NotFound(f"There is no user {name!r}.", field="name")
    check_password(password, user.name, user.email)
    hashed = await hash_password(password)
    async with db.transaction() as tx:
        await users.set_password_hash(tx, user.id, hashed)
        return await sessions.end_others(tx, user.id, None)


async def list_users(db: Database) -> list[User]:
    """All users, by name."""
    async with db.reading() as tx:
        return await users.listed(tx)


async def set_user_disabled(db: Database, name: str, disabled: bool) -> None:
    """Disable or enable a user. The tokens of a disabled user are not valid, and their sessions end. Raises
    NotFound."""
    async with db.transaction() as tx:
        user = await users.find(tx, name)
        if user is None:
            raise NotFound(f"There is no user {name!r}.", field="name")
        await users.set_disabled(tx, user.id, now_ms() if disabled else None)
        if disabled:
            await sessions.end_others(tx, user.id, None)
