"""Which credentials are valid, of every kind. Open connections and caches are checked by this module only."""

from collections.abc import Collection, Iterable
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.access import Credential, CredentialKind, Principal
from app.store import sessions, tokens


class _Kind(Protocol):
    """What a kind of credentials offers to be checked by."""

    async def valid(self, tx: AsyncConnection, ids: Collection[int], now: int, /) -> dict[int, Principal]: ...
    async def changed(
        self, tx: AsyncConnection, known: Iterable[Principal], now: int, /
    ) -> dict[int, Principal | None]: ...


_KINDS: dict[CredentialKind, _Kind] = {CredentialKind.TOKEN: tokens, CredentialKind.SESSION: sessions}


async def valid(tx: AsyncConnection, credentials: Collection[Credential], now: int) -> dict[Credential, Principal]:
    """The principals of the credentials that are valid at `now`, in milliseconds since 1970.

    The others are revoked, have ended or expired, or their user is disabled.
    """
    found: dict[Credential, Principal] = {}
    for kind, store in _KINDS.items():
        if ids := [each.id for each in credentials if each.kind is kind]:
            found |= {Credential(kind, each): who for each, who in (await store.valid(tx, ids, now)).items()}
    return found


async def changed(tx: AsyncConnection, known: Collection[Principal], now: int) -> dict[Credential, Principal | None]:
    """The credentials whose rights at `now` differ from the rights in `known`, each with its principal at `now`.

    None for a credential that is no longer valid.
    """
    return {
        Credential(kind, each): who
        for kind, store in _KINDS.items()
        for each, who in (await store.changed(tx, known, now)).items()
    }
