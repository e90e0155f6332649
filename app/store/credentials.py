"""Credentials of every kind: which of them are valid. Whatever stays open or is kept asks here, and nowhere else."""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.access import Credential, CredentialKind, Principal
from app.store import tokens


async def valid(tx: AsyncConnection, credentials: Collection[Credential], now: int) -> dict[Credential, Principal]:
    """The principals of those credentials that are valid at `now`, in milliseconds since 1970; the others are revoked,
    have expired, or their user is disabled."""
    ids = [each.id for each in credentials if each.kind is CredentialKind.TOKEN]
    found = await tokens.living(tx, ids, now) if ids else {}
    return {who.credential: who for who in found.values() if who.credential is not None}
