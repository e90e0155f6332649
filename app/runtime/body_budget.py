"""The memory for the bodies of requests that are being received: bounded for all, and for one network."""

from collections import Counter

from app.errors import Unavailable
from app.model.network import network_of

SMALL = 64 * 1024  # Bytes; such a body needs no budget, the number of connections bounds them.


class BodyBudget:
    """How many bytes of large bodies are on their way, or in the work that they cause."""

    def __init__(self, max_bytes: int) -> None:
        """One network may have half of `max_bytes`."""
        self._max_bytes = max_bytes
        self._held = 0
        self._by_network: Counter[str] = Counter()

    def hold(self, address: str, size: int) -> None:
        """Hold `size` bytes until `release`. Raises Unavailable, and holds nothing, where there are not so many left;
        a body alone always has room."""
        network = network_of(address)
        own = self._by_network[network]
        is_full = self._held > 0 and self._held + size > self._max_bytes
        if is_full or (own > 0 and own + size > self._max_bytes // 2):
            raise Unavailable("Too many large requests are being received; try again.", retry_after=1)
        self._held += size
        self._by_network[network] += size

    def release(self, address: str, size: int) -> None:
        """Give back what was held."""
        network = network_of(address)
        self._held -= size
        self._by_network[network] -= size
        if self._by_network[network] <= 0:
            del self._by_network[network]
