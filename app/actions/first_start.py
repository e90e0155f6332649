"""The first start: with no user in the database, one link lets whoever runs the hub create the administrator."""

from app.actions.passwords import check_password, hash_password
from app.actions.sessions import begin_session
from app.actions.users import check_user
from app.clock import now_ms
from app.errors import NotFound
from app.model.network import network_of
from app.model.secret import digest, new_secret
from app.store import links, users
from app.store.engine.database import Database
from app.store.links import Purpose
from app.telemetry.audit import Act, record

SETUP_HOURS = 24
_ONE_START_MS = 10_000
_USED = "This setup link was used, is older than a day, or is not this hub's newest: start the hub again for a new one."


async def offer_setup(db: Database) -> str | None:
    """The secret of a new setup link, where there is no user; those of earlier starts are no longer valid. None where
    there is a user, or where another worker of the same start has made one."""
    async with db.reading() as tx:
        if await users.exist(tx):
            return None
    secret, now = new_secret(), now_ms()
    async with db.transaction() as tx:
        newest = await links.newest(tx, Purpose.SETUP)
        if await users.exist(tx) or (newest is not None and now - newest < _ONE_START_MS):
            return None
        await links.remove(tx, Purpose.SETUP)
        await links.add(tx, digest(secret), Purpose.SETUP, now, now + SETUP_HOURS * 3_600_000)
    return secret


async def check_setup(db: Database, secret: str) -> None:
    """Raises NotFound for a link that is not valid."""
    async with db.reading() as tx:
        if await users.exist(tx):
            raise NotFound("This hub has its administrator already: sign in, or ask for an invitation.")
        if not await links.is_valid(tx, digest(secret), Purpose.SETUP, now_ms()):
            raise NotFound(_USED)


async def set_up(db: Database, secret: str, name: str, email: str, password: str, address: str, agent: str) -> str:
    """Create the administrator and use the link up. Returns the secret of the administrator's first session. Raises
    InvalidRequest, Conflict, and NotFound for a link that is not valid: of two that use one at once, one creates a
    user."""
    email = check_user(name, email)
    check_password(password, name, email)
    await check_setup(db, secret)
    password_hash = await hash_password(password)
    async with db.transaction() as tx:
        if not await links.take(tx, digest(secret), Purpose.SETUP, now_ms()) or await users.exist(tx):
            raise NotFound(_USED)
        user = await users.add(tx, name, email, password_hash, True, now_ms())
        started = await begin_session(tx, user.id, network_of(address), agent, remembered=False)
    record(Act.SETUP_DONE, name, address=address)
    return started
