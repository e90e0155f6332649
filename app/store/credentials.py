"""Which credentials are valid, of every kind. Open connections and caches are checked by this module only."""

from collections.abc import Collection, Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.access import Credential, CredentialKind, Principal
from app.store import tokens


async def valid(tx: AsyncConnection, credentials: Collection[Credential], now: int) -> dict[Credential, Principal]:
    """The principals of the credentials that are valid at `now`, in milliseconds since 1970.

    The others are revoked, have expired, or their user is disabled.
    """
    ids = [each.id for each in credentials if each.kind is CredentialKind.TOKEN]
    found = await tokens.valid(tx, ids, now) if ids else {}
    return {principal.credential: principal for principal in found.values() if principal.credential is not None}


async def changed(tx: AsyncConnection, known: Iterable[Principal], now: int) -> dict[Credential, Principal | None]:
    """The credentials whose rights at `now` differ from the rights in `known`, each with its principal at `now`.

    None for a credential that is no longer valid.
    """
    found = await tokens.changed(tx, known, now)
    return {Credential(CredentialKind.TOKEN, token_id): principal for token_id, principal in found.items()}
