"""How much each network has of what one must not have all of."""

from collections import Counter

from app.model.network import network_of


class NetworkCounts:
    """A count for each network, at most `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()

    def add(self, address: str) -> bool:
        """Count one more for the network of this address; False, and not counted, where that is one too many."""
        network = network_of(address)
        if self._counts[network] >= self._most:
            return False
        self._counts[network] += 1
        return True

    def remove(self, address: str) -> None:
        """Count one less; a network without any is forgotten."""
        network = network_of(address)
        self._counts[network] -= 1
        if self._counts[network] <= 0:
            del self._counts[network]
