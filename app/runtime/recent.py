"""Answers at most half a second old, looked up once for all callers who ask at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable

from app.live.single_flight import SingleFlight

RECENT_S = 0.5  # With the poll interval after it, what a revoked right still opens ends within two seconds.
MAX_ANSWERS = 10_000
LOOK_UPS_AT_ONCE = 4


class Recent[K: Hashable, V]:
    """A cache in front of one look-up, for identities and for admissions.

    `forget` drops every answer, and keeps none that was being looked up meanwhile. A few look-ups run at once: the rest
    of a reconnect storm waits here, where nothing times out, and not for a connection to the database.
    """

    def __init__(self, single_flight: SingleFlight[tuple[K, bool], V], look_up: Callable[[K], Awaitable[V]]) -> None:
        self._single_flight = single_flight
        self._look_up = look_up
        self._answers: dict[K, tuple[V, float]] = {}
        self._generation = 0
        self._gate = asyncio.Semaphore(LOOK_UPS_AT_ONCE)

    def known(self, key: K) -> V | None:
        """The answer of the last half second; None where there is none."""
        found = self._answers.get(key)
        return found[0] if found is not None and asyncio.get_running_loop().time() < found[1] else None

    async def get(self, key: K) -> V:
        """The answer, at most half a second old. Raises what the look-up raises, which is not kept."""
        known = self.known(key)
        return known if known is not None else await self._single_flight.run((key, False), lambda: self._load(key))

    async def look_up(self, key: K) -> V:
        """The answer as it stands now; the look-up is shared only with other callers of this method."""
        return await self._single_flight.run((key, True), lambda: self._load(key))

    def forget(self) -> None:
        """Look everything up anew: something changed, or may have."""
        self._answers.clear()
        self._generation += 1

    async def _load(self, key: K) -> V:
        async with self._gate:
            generation, until = self._generation, asyncio.get_running_loop().time() + RECENT_S
            answer = await self._look_up(key)
        if generation == self._generation:  # A change meanwhile may not be in it.
            if len(self._answers) >= MAX_ANSWERS:
                self._answers.clear()
            self._answers[key] = (answer, until)
        return answer
