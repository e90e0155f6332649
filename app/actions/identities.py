"""Recognises a credential by the digest of its secret."""

from app.clock import now_ms
from app.errors import Unauthenticated
from app.model.access import CredentialKind, Principal
from app.model.session import SEEN_MS
from app.store import sessions, tokens
from app.store.engine.database import Database

type Presented = tuple[CredentialKind, str]  # The kind of a credential, and the digest of its secret.


async def recognise(db: Database, presented: Presented) -> Principal:
    """The principal of this credential. Raises Unauthenticated when it is unknown, revoked, ended or expired, or its
    user disabled."""
    kind, digest = presented
    return await (_session if kind is CredentialKind.SESSION else _token)(db, digest)


async def _token(db: Database, digest: str) -> Principal:
    async with db.looking() as tx:
        who = await tokens.principal(tx, digest, now_ms())
    if who is None:
        raise Unauthenticated("This token is not known here, or it was revoked or has expired.")
    return who


async def _session(db: Database, digest: str) -> Principal:
    now = now_ms()
    async with db.looking() as tx:
        found = await sessions.principal(tx, digest, now)
    if found is None:
        raise Unauthenticated("Your session has ended. Sign in again.")
    who, seen_at = found
    if now - seen_at >= SEEN_MS and who.credential is not None:
        async with db.transaction() as tx:
            await sessions.see(tx, who.credential.id, now)
    return who
