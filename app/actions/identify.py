"""Who asks, known again without a query each time: a token that was recognised counts for half a second."""

import time

from app.actions.tokens import digest, recognise
from app.live.flight import Flights
from app.live.hub import Hub
from app.model.access import Principal
from app.store.database import Database

_SECONDS = 0.5  # With the poll interval after it, what a dead token may still open is over within two seconds.
_MOST = 10_000


class Identities:
    """Principals by their token, each at most half a second old; announced changes clear them at once."""

    def __init__(self, db: Database, hub: Hub, flights: Flights[str, Principal]) -> None:
        self._db = db
        self._flights = flights
        self._known: dict[str, tuple[Principal, float]] = {}
        self._generation = 0
        hub.on_alarm(self.forget)

    async def of_token(self, secret: str) -> Principal:
        """Whose token this is. Raises Unauthenticated or Unavailable."""
        known = self.known(secret)
        if known is not None:
            return known
        key, generation, until = digest(secret), self._generation, time.monotonic() + _SECONDS
        who = await self._flights.fly(key, lambda: recognise(self._db, secret))
        if generation == self._generation:  # What changed meanwhile may not be in it.
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[key] = (who, until)
        return who

    def known(self, secret: str) -> Principal | None:
        """Whose token this was within the last half second; None when that has to be asked."""
        known = self._known.get(digest(secret))  # The secret itself is kept nowhere, not even here.
        return known[0] if known is not None and time.monotonic() < known[1] else None

    def forget(self) -> None:
        """Recognise everybody anew: a token was found dead, or may be."""
        self._known.clear()
        self._generation += 1
