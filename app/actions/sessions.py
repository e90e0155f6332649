"""Sessions of the pages: sign in, list, end."""

from app.actions.attempts import ACCOUNT_S, NETWORK_S, attempt_succeeded, begin_attempt
from app.actions.passwords import hash_password, needs_rehash, verify_password
from app.clock import now_ms
from app.errors import NotFound, Unauthenticated, Unavailable
from app.live.hub import Hub
from app.model.access import CredentialKind, Principal
from app.model.network import network_of
from app.model.secret import digest, new_secret
from app.model.session import MOST_AGENT, NewSession, SessionLine
from app.store import sessions, sign_in_failures, users
from app.store.engine.database import Database, Transaction
from app.telemetry.audit import Act, record

_WRONG = "This name or this password is wrong."


async def sign_in(db: Database, name: str, password: str, address: str, agent: str, *, remembered: bool) -> str:
    """A new session of the user with this name or address; returns its secret. Raises Unauthenticated in the same words
    whether there is such a user or not, and RateLimited after too many failures.

    For its own failures an account does not wait at an address where it has a session; for those of the address
    everybody there waits.
    """
    network = network_of(address)
    account, of_network = f"account:{digest(name.lower())}", f"network:{network}"
    async with db.transaction() as tx:
        user, password_hash = await users.find_to_sign_in(tx, name)
        is_known = user is not None and await sessions.has_address(tx, user.id, network)
        await begin_attempt(tx, {of_network: NETWORK_S, account: 0 if is_known else ACCOUNT_S})
    try:
        is_right = await verify_password(password, password_hash)
    except Unavailable:  # No failure of the caller's.
        async with db.transaction() as tx:
            await sign_in_failures.take_back(tx, [account, of_network])
        raise
    if not is_right or user is None or password_hash is None:
        record(Act.SIGN_IN_FAILED, None, name=name, address=address)
        raise Unauthenticated(_WRONG)
    new_hash = await hash_password(password) if needs_rehash(password_hash) else None
    async with db.transaction() as tx:
        if (await users.find_to_sign_in(tx, name))[1] != password_hash:
            raise Unauthenticated(_WRONG)  # It was changed, or the user disabled, while it was verified.
        await attempt_succeeded(tx, account, of_network)
        if new_hash is not None:
            await users.set_password_hash(tx, user.id, new_hash)
        secret = await begin_session(tx, user.id, network, agent, remembered=remembered)
    record(Act.SIGNED_IN, user.name, address=address, remembered=remembered)
    return secret


async def begin_session(tx: Transaction, user_id: int, network: str, agent: str, *, remembered: bool) -> str:
    """A new session of a user that is signed in by what this transaction does; returns its secret."""
    secret = new_secret()
    await sessions.add(tx, NewSession(user_id, agent[:MOST_AGENT], network, remembered), digest(secret), now_ms())
    return secret


async def list_sessions(db: Database, who: Principal) -> list[SessionLine]:
    """The caller's sessions, the one that was seen last first."""
    async with db.reading() as tx:
        return await sessions.listed(tx, who.user_id or 0, now_ms())


async def end_session(db: Database, hub: Hub, who: Principal, session_id: int) -> None:
    """End one of the caller's sessions: what is connected by it is closed. Raises NotFound."""
    async with db.transaction() as tx:
        if not await sessions.end(tx, who.user_id or 0, session_id):
            raise NotFound("This session has ended already.")
    record(Act.SESSION_ENDED, who.user, session=session_id)
    hub.access_changed()


async def end_presented(db: Database, hub: Hub, who: Principal) -> None:
    """End the session by which the caller calls, if it is one."""
    credential = who.credential
    if credential is None or credential.kind is not CredentialKind.SESSION:
        return
    async with db.transaction() as tx:
        await sessions.end(tx, who.user_id or 0, credential.id)
    record(Act.SESSION_ENDED, who.user, session=credential.id)
    hub.access_changed()


async def end_other_sessions(db: Database, hub: Hub, who: Principal) -> int:
    """End every session of the caller but the one that calls. Returns how many ended."""
    async with db.transaction() as tx:
        ended = await end_others_in(tx, who)
    record(Act.SESSIONS_ENDED, who.user, user=who.user, ended=ended)
    hub.access_changed()
    return ended


async def end_others_in(tx: Transaction, who: Principal) -> int:
    """As `end_other_sessions`, in a transaction that does more."""
    credential = who.credential
    is_session = credential is not None and credential.kind is CredentialKind.SESSION
    return await sessions.end_others(tx, who.user_id or 0, credential.id if is_session and credential else None)


async def list_sessions_of(db: Database, name: str) -> list[SessionLine]:
    """The sessions of the user with this name, for the operator. Raises NotFound."""
    async with db.reading() as tx:
        return await sessions.listed(tx, await _user_id(tx, name), now_ms())


async def end_sessions_of(db: Database, name: str, session_id: int | None) -> int:
    """End one session of the user with this name, or with None all, for the operator. Returns how many ended. Raises
    NotFound."""
    async with db.transaction() as tx:
        user_id = await _user_id(tx, name)
        if session_id is None:
            return await sessions.end_others(tx, user_id, None)
        if not await sessions.end(tx, user_id, session_id):
            raise NotFound(f"{name} has no session {session_id}.")
        return 1


async def _user_id(tx: Transaction, name: str) -> int:
    user = await users.find(tx, name)
    if user is None:
        raise NotFound(f"There is no user {name!r}.", field="name")
    return user.id
