"""Recognises a credential by the digest of its secret."""

from typing import Protocol

from app.clock import now_ms
from app.errors import Unauthenticated
from app.model.access import CredentialKind, Principal
from app.model.session import SEEN_MS
from app.model.token import USED_MS
from app.runtime.uses import Uses
from app.store import sessions, tokens
from app.store.engine.database import Database, Transaction


class _Store(Protocol):
    """What a kind of credentials is looked up in."""

    async def principal(self, tx: Transaction, digest: str, now: int, /) -> tuple[Principal, int] | None: ...


_KINDS: dict[CredentialKind, tuple[_Store, int, str]] = {
    CredentialKind.TOKEN: (tokens, USED_MS, "This token is not known here, or it was revoked or has expired."),
    CredentialKind.SESSION: (sessions, SEEN_MS, "Your session has ended. Sign in again."),
}

type Presented = tuple[CredentialKind, str]  # The kind of a credential, and the digest of its secret.


async def recognise(db: Database, uses: Uses, presented: Presented) -> Principal:
    """The principal of this credential; its use is noted. Raises Unauthenticated when it is unknown, revoked, ended or
    expired, or its user disabled."""
    kind, digest = presented
    store, lasts_ms, refusal = _KINDS[kind]
    now = now_ms()
    async with db.looking() as tx:
        found = await store.principal(tx, digest, now)
    if found is None:
        raise Unauthenticated(refusal)
    who, used_at = found
    if now - used_at >= lasts_ms and who.credential is not None:
        uses.note(who.credential, now)
    return who
