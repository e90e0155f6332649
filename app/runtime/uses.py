"""When credentials were last used: noted in memory, and recorded beside the calls, which do not wait for a write."""

from app.model.access import Credential, CredentialKind
from app.store import sessions, tokens
from app.store.engine.database import Database

_MOST = 10_000  # Credentials; the use of one more is not recorded.


class Uses:
    """The uses that are not recorded yet."""

    def __init__(self) -> None:
        self._noted: dict[Credential, int] = {}

    def note(self, credential: Credential, at: int) -> None:
        """It was used at that time, in milliseconds since 1970."""
        if len(self._noted) < _MOST:
            self._noted[credential] = at

    async def record(self, db: Database) -> None:
        """Record what was noted, in one transaction. Raises Unavailable; it is noted again at the next use then."""
        noted, self._noted = self._noted, {}
        if not noted:
            return
        async with db.transaction() as tx:
            for kind, store in ((CredentialKind.TOKEN, tokens), (CredentialKind.SESSION, sessions)):
                ids = [each.id for each in noted if each.kind is kind]
                if ids:
                    await store.use(tx, ids, max(noted.values()))
