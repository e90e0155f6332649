"""Credentials of every kind: which of them are valid. Whatever stays open or is kept asks here, and nowhere else."""

from collections.abc import Collection, Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.access import Credential, CredentialKind, Principal
from app.store import tokens


async def valid(tx: AsyncConnection, credentials: Collection[Credential], now: int) -> dict[Credential, Principal]:
    """The principals of those credentials that are valid at `now`, in milliseconds since 1970; the others are revoked,
    have expired, or their user is disabled."""
    ids = [each.id for each in credentials if each.kind is CredentialKind.TOKEN]
    found = await tokens.valid(tx, ids, now) if ids else {}
    return {who.credential: who for who in found.values() if who.credential is not None}


async def changed(tx: AsyncConnection, known: Iterable[Principal], now: int) -> dict[Credential, Principal | None]:
    """Those of these principals' credentials that give other rights than the principals have, with the rights that they
    give at `now`; None for one that is no longer valid."""
    found = await tokens.changed(tx, known, now)
    return {Credential(CredentialKind.TOKEN, token_id): who for token_id, who in found.items()}
