"""How often is too often: a token bucket, with its clock given."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` sustained, `burst` at once."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """The answer to one call: whether it may go on, what is left, and in how many seconds the bucket is full again."""

    allowed: bool
    limit: int
    remaining: int
    reset: float
    retry_after: float


class Buckets:
    """One bucket a key, at most `most` of them: beyond that the full ones go first, which changes no answer.

    The generic cell rate algorithm (ITU-T I.371): a key costs one number, the moment its bucket will be full again.
    """

    def __init__(self, most: int = 100_000) -> None:
        self._full_at: dict[str, float] = {}
        self._most = most

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, rate: Rate, now: float, cost: int = 1) -> Allowance:
        """Take `cost` from the key's bucket, or nothing when there is not so much in it. `now` in seconds."""
        full_at = max(self._full_at.get(key, now), now)
        after = full_at + cost / rate.per_second
        room = rate.burst / rate.per_second
        allowed = after - now <= room + 1e-9
        if allowed:
            if len(self._full_at) >= self._most and key not in self._full_at:
                self._forget(now)
            self._full_at[key] = full_at = after
        remaining = int((room - (full_at - now)) * rate.per_second + 1e-6)
        wait = 0.0 if allowed else after - now - room
        return Allowance(allowed, rate.burst, max(remaining, 0), full_at - now, wait)

    def is_empty(self, key: str, rate: Rate, now: float) -> bool:
        """Would a call be refused now? Takes nothing."""
        return self._full_at.get(key, now) + 1 / rate.per_second - now > rate.burst / rate.per_second + 1e-9

    def _forget(self, now: float) -> None:
        self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        while len(self._full_at) >= self._most:
            self._full_at.pop(next(iter(self._full_at)))
