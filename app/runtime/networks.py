"""How much each network has of what one must not have all of, and how fast it may have it."""

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


class NetworkPace:
    """Spreads what the networks do: each has `burst` at once, then `per_second`. Nothing is refused, only later."""

    def __init__(self, per_second: float, burst: int, longest: float = 10.0) -> None:
        """Nothing waits for more than `longest` seconds, whatever its network did before."""
        self._interval = 1 / per_second
        self._longest = longest
        self._burst = burst
        self._next_at: dict[str, float] = {}
        self._forget_above = 1024  # Networks.

    def __len__(self) -> int:
        return len(self._next_at)

    def wait(self, address: str, now: float) -> float:
        """Take the next place of the network of this address: the seconds until it comes. `now` in seconds."""
        network = network_of(address)
        if network not in self._next_at and len(self._next_at) >= self._forget_above:
            self._next_at = {other: at for other, at in self._next_at.items() if at > now}
            self._forget_above = max(1024, 2 * len(self._next_at))
        at = max(self._next_at.get(network, now), now)
        self._next_at[network] = at + self._interval
        wait = at - now - (self._burst - 1) * self._interval
        if wait > self._longest:
            self._next_at[network] = at
        return min(max(0.0, wait), self._longest)
