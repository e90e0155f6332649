"""How often one caller may call: counted by token or user, by address only for anonymous callers."""

import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from app.errors import RateLimited, Unauthenticated
from app.model.access import Principal
from app.model.rate import Allowance, Rate
from app.services import Services
from app.web.http.call import Call


def count_call(hub: Services, call: Call, who: Principal) -> None:
    """Count a call, and note on it how the caller's limit stands. Raises RateLimited beyond the limit."""
    call.allowance = count(hub, who, 1, call.address)
    if call.allowance is not None and not call.allowance.allowed:
        raise refusal(call.allowance)


def count(hub: Services, who: Principal, cost: int, address: str) -> Allowance | None:
    """Count a call of `who` from `address` and say how the limit stands; None when limits are off."""
    settings = hub.settings
    if not settings.rate_limits:
        return None
    if who.rate_key is not None:
        key, rate = who.rate_key, Rate(settings.publish_rate, settings.publish_burst)
    else:
        key, rate = f"address:{address}", Rate(settings.anonymous_rate, settings.anonymous_burst)
    return hub.buckets.take(key, rate, time.monotonic(), cost)


@asynccontextmanager
async def throttled(hub: Services, address: str) -> AsyncIterator[None]:
    """The login throttle, around the look-up of a secret: wrong secrets count by address, in a bucket of their own.

    Raises RateLimited instead of Unauthenticated for an address with too many wrong ones. Its look-ups then run one at
    a time: a right token at that address still gets through, and the database has one query more to answer, however
    many guess.
    """
    key, rate = f"logins:{address}", Rate(hub.settings.anonymous_rate, hub.settings.anonymous_burst)
    one_by_one = hub.settings.rate_limits and hub.buckets.is_empty(key, rate, time.monotonic())
    try:
        async with hub.login_throttle if one_by_one else nullcontext():
            yield
    except Unauthenticated:
        allowance = hub.buckets.take(key, rate, time.monotonic())
        if hub.settings.rate_limits and not allowance.allowed:
            raise refusal(allowance) from None
        raise


def refusal(allowance: Allowance) -> RateLimited:
    """The refusal of a call that was one too many."""
    seconds = max(1, math.ceil(allowance.retry_after))
    return RateLimited(f"Too many calls; try again in {seconds} s.", retry_after=seconds)


def limit_headers(allowance: Allowance | None) -> list[tuple[str, str]]:
    """The RateLimit fields (draft-ietf-httpapi-ratelimit-headers-03) of a call that was counted."""
    if allowance is None:
        return []
    return [
        ("RateLimit-Limit", str(allowance.limit)),
        ("RateLimit-Remaining", str(allowance.remaining)),
        ("RateLimit-Reset", str(math.ceil(allowance.reset))),
    ]
