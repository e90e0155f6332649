"""A gate for searches, which can take a database seconds: few at once, and one at once for each network."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.errors import RateLimited
from app.model.network import network_of

_AT_ONCE = 3
_MAX_WAITING = 5  # Searches of one network, with the one that runs.


class SearchGate:
    """Lets searches through one after the other. All other readers pass beside it."""

    def __init__(self) -> None:
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._networks: dict[str, tuple[asyncio.Lock, int]] = {}  # And how many searches each has here.

    @asynccontextmanager
    async def search(self, address: str) -> AsyncIterator[None]:
        """Wait for a turn, and hold it within the block. Raises RateLimited where the network has too many waiting."""
        network = network_of(address)
        lock, present = self._networks.get(network, (asyncio.Lock(), 0))
        if present >= _MAX_WAITING:
            raise RateLimited("Your network has too many searches running; try again in a moment.", retry_after=2)
        self._networks[network] = (lock, present + 1)
        try:
            async with lock, self._at_once:
                yield
        finally:
            lock, present = self._networks.pop(network)
            if present > 1:
                self._networks[network] = (lock, present - 1)
