"""Tickets: a pass for one stream or websocket, in place of the credential that asked for it."""

from app.clock import now_ms
from app.errors import Unauthenticated
from app.model.access import Principal
from app.model.secret import digest, new_secret
from app.store import credentials, tickets
from app.store.engine.database import Database

TICKET_SECONDS = 60
_NO_TICKET = "This ticket is not known here, was used already, or is older than 60 seconds."


async def create_ticket(db: Database, who: Principal) -> str:
    """A one-use ticket for this principal's credential, valid for TICKET_SECONDS and no longer than the credential.
    Raises Unauthenticated for a principal without one."""
    if who.credential is None:
        raise Unauthenticated("A ticket needs a token: send one as 'Authorization: Bearer tw_…'.")
    secret, now = new_secret(), now_ms()
    async with db.transaction() as tx:
        await tickets.add(tx, digest(secret), who.credential, now, now + TICKET_SECONDS * 1000)
    return secret


async def redeem_ticket(db: Database, secret: str) -> Principal:
    """Use up a ticket, on every node. Returns the principal that it was created for. Raises Unauthenticated."""
    now = now_ms()
    async with db.reading() as tx:  # A guessed ticket must not cost a write transaction.
        known = await tickets.exists(tx, digest(secret))
    if not known:
        raise Unauthenticated(_NO_TICKET)
    async with db.transaction() as tx:
        credential = await tickets.take(tx, digest(secret), now)
        valid = await credentials.valid(tx, [credential] if credential is not None else [], now)
    if credential is None or credential not in valid:
        raise Unauthenticated(_NO_TICKET)
    return valid[credential]
