"""Tickets for one use, stored as digests: add, look, use up."""

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.access import Credential, CredentialKind
from app.store.tables import TICKETS

_T = TICKETS.c
_COLUMNS = {CredentialKind.TOKEN: _T.token_id, CredentialKind.SESSION: _T.session_id}


async def add(tx: AsyncConnection, digest: str, credential: Credential, now: int, expires_at: int) -> None:
    """Store a new ticket of this credential, and delete those that have expired."""
    await tx.execute(delete(TICKETS).where(_T.expires_at < now))
    values = {"digest": digest, _COLUMNS[credential.kind].name: credential.id, "expires_at": expires_at}
    await tx.execute(insert(TICKETS), [values])


async def exists(tx: AsyncConnection, digest: str) -> bool:
    """True if there is a ticket with this digest, expired or not."""
    return (await tx.execute(select(_T.digest).where(_T.digest == digest))).first() is not None


async def take(tx: AsyncConnection, digest: str, now: int) -> Credential | None:
    """Use up a ticket. Returns the credential that it was created for; None when it is unknown, used or expired."""
    query = delete(TICKETS).where(_T.digest == digest, _T.expires_at > now).returning(_T.token_id, _T.session_id)
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        return None
    kind = CredentialKind.SESSION if row.token_id is None else CredentialKind.TOKEN
    return Credential(kind, row.token_id if row.token_id is not None else row.session_id)
