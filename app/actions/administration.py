"""Users as administrators manage them: list, disable, change who is an administrator, end sessions."""

from app.clock import now_ms
from app.errors import Conflict, Forbidden, NotFound
from app.live.hub import Hub
from app.model.access import Principal, check_administer
from app.model.user import UserLine
from app.store import sessions, users
from app.store.engine.database import Database, Transaction
from app.telemetry.audit import Act, record

USERS_PER_PAGE = 100


async def search_users(db: Database, who: Principal, *, q: str | None, after: str) -> tuple[list[UserLine], str | None]:
    """A page of the hub's users by name, after the name `after`, and the cursor of the next page if there is one; with
    `q` those with that in their name or address. Raises Forbidden."""
    check_administer(who)
    async with db.reading() as tx:
        found = await users.page(tx, q=q, above=after, limit=USERS_PER_PAGE + 1, now=now_ms())
    more = len(found) > USERS_PER_PAGE
    return found[:USERS_PER_PAGE], found[USERS_PER_PAGE - 1].name if more else None


async def set_disabled(db: Database, hub: Hub, who: Principal, name: str, disabled: bool) -> None:
    """Disable or enable a user: the sessions of a disabled one end, and tokens are not valid. Raises NotFound,
    Forbidden, and Conflict for oneself."""
    async with db.transaction() as tx:
        user_id = await _other_in(tx, who, name)
        await users.set_disabled(tx, user_id, now_ms() if disabled else None)
        if disabled:
            await sessions.end_others(tx, user_id, None)
    record(Act.USER_DISABLED if disabled else Act.USER_ENABLED, who.user, user=name)
    hub.access_changed()


async def set_admin(db: Database, hub: Hub, who: Principal, name: str, is_admin: bool) -> None:
    """Make a user an administrator, or one no more. Raises as `set_disabled`."""
    async with db.transaction() as tx:
        user_id = await _other_in(tx, who, name)
        await users.set_admin(tx, user_id, is_admin)
    record(Act.USER_PROMOTED if is_admin else Act.USER_DEMOTED, who.user, user=name)
    hub.access_changed()


async def end_all_sessions(db: Database, hub: Hub, who: Principal, name: str) -> int:
    """End every session of a user. Returns how many ended. Raises NotFound, Forbidden, and Conflict for oneself."""
    async with db.transaction() as tx:
        user_id = await _other_in(tx, who, name)
        ended = await sessions.end_others(tx, user_id, None)
    record(Act.SESSIONS_ENDED, who.user, user=name, ended=ended)
    hub.access_changed()
    return ended


async def _other_in(tx: Transaction, who: Principal, name: str) -> int:
    """The id of the user of this name, who is not the caller: so the hub keeps an administrator."""
    check_administer(who)
    if who.user_id not in await users.lock_admins(tx):
        raise Forbidden("Only administrators manage users.")  # Not any more: another one was faster.
    user = await users.find(tx, name)
    if user is None:
        raise NotFound(f"There is no user {name[:80]!r}.")
    if user.id == who.user_id:
        raise Conflict("Of yourself another administrator changes this; your account's page ends your sessions.")
    return user.id
