"""Rate limits: how often one caller may call, counted by token or user, by network only for anonymous callers."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from app.config import Settings
from app.errors import RateLimited, Unauthenticated
from app.model.access import Principal
from app.model.network import network_of
from app.model.rate import Allowance, Rate
from app.telemetry.access_log import ENTRY


class Buckets:
    """One token bucket a key, at most `most` of them: beyond that the full ones go first, which changes no answer.

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


class RateLimits:
    """The limits of one hub: each process counts for itself."""

    def __init__(self, settings: Settings) -> None:
        self._enabled = settings.rate_limits
        self._known = Rate(settings.publish_rate, settings.publish_burst)
        self._anonymous = Rate(settings.anonymous_rate, settings.anonymous_burst)
        self._buckets = Buckets()
        self._one_login = asyncio.Lock()

    def count(self, who: Principal, address: str, cost: int = 1) -> Allowance | None:
        """Count a call of `who` from `address` that costs as much as `cost` calls, up to all that may be made at once;
        None when limits are off. Raises nothing: see `refusal`."""
        if not self._enabled:
            return None
        key, rate = who.rate_key, self._known
        if key is None:
            key, rate = f"address:{network_of(address)}", self._anonymous
        return self._buckets.take(key, rate, time.monotonic(), min(cost, rate.burst))

    @asynccontextmanager
    async def throttle_login(self, address: str) -> AsyncIterator[None]:
        """The login throttle, around the look-up of a secret: wrong secrets count by address, in a bucket of their own.

        Raises RateLimited instead of Unauthenticated for an address with too many wrong ones. Its look-ups then run one
        at a time: a right token at that address still gets through, and the database has one query more to answer,
        however many guess.
        """
        key = f"logins:{network_of(address)}"
        one_by_one = self._enabled and self._buckets.is_empty(key, self._anonymous, time.monotonic())
        try:
            async with self._one_login if one_by_one else nullcontext():
                yield
        except Unauthenticated:
            allowance = self._buckets.take(key, self._anonymous, time.monotonic())
            if self._enabled and not allowance.allowed:
                raise refusal(allowance) from None
            raise


class RecordedLimits(RateLimits):
    """Limits that tell the access log who calls: every admitted call is counted. Made while it is on."""

    def count(self, who: Principal, address: str, cost: int = 1) -> Allowance | None:
        """As `RateLimits.count`."""
        entry = ENTRY.get()
        if entry is not None:
            entry.user, entry.token = who.user, who.grant.name if who.grant is not None else None
        return super().count(who, address, cost)


def refusal(allowance: Allowance) -> RateLimited:
    """The refusal of a call that was one too many."""
    seconds = max(1, math.ceil(allowance.retry_after))
    return RateLimited(f"Too many calls; try again in {seconds} s.", retry_after=seconds)
