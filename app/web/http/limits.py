"""How often one caller may call: counted by token or user, by address only for the anonymous."""

import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from quart import g, has_websocket_context, request, websocket

from app.errors import RateLimited, Unauthenticated
from app.model.access import Principal
from app.model.rate import Allowance, Rate
from app.services import Services
from app.web.http.context import services


def take(who: Principal, cost: int) -> None:
    """Count a call of `who`. Raises RateLimited when there were too many."""
    allowance = count(services(), who, cost, address())
    if allowance is None:
        return
    g.allowance = allowance
    if not allowance.allowed:
        raise refusal(allowance)


def count(hub: Services, who: Principal, cost: int, from_address: str) -> Allowance | None:
    """Count a call and say how it stands; None when limits are off."""
    settings = hub.settings
    if not settings.rate_limits:
        return None
    if who.rate_key is not None:
        key, rate = who.rate_key, Rate(settings.publish_rate, settings.publish_burst)
    else:
        key, rate = f"address:{from_address}", Rate(settings.anonymous_rate, settings.anonymous_burst)
    return hub.buckets.take(key, rate, time.monotonic(), cost)


@asynccontextmanager
async def guessing(hub: Services, from_address: str) -> AsyncIterator[None]:
    """Around the look-up of a secret: wrong ones count by address, in a bucket of their own. Raises RateLimited instead
    of Unauthenticated for an address that has guessed too often.

    Its look-ups go one at a time then. Who holds a right token at that address still gets through, and the database has
    one query more to answer, however many guess.
    """
    key, rate = f"guesses:{from_address}", Rate(hub.settings.anonymous_rate, hub.settings.anonymous_burst)
    suspicious = hub.settings.rate_limits and hub.buckets.is_empty(key, rate, time.monotonic())
    try:
        async with hub.suspects if suspicious else nullcontext():
            yield
    except Unauthenticated:
        allowance = hub.buckets.take(key, rate, time.monotonic())
        if hub.settings.rate_limits and not allowance.allowed:
            raise refusal(allowance) from None
        raise


def refusal(allowance: Allowance) -> RateLimited:
    """What is said to who called too often."""
    seconds = max(1, math.ceil(allowance.retry_after))
    return RateLimited(f"Too many calls; there is room again in {seconds} s.", retry_after=seconds)


def address() -> str:
    """Where the call comes from, the hub's own proxies seen through (TIDEWIRE_TRUSTED_PROXIES)."""
    asked = websocket if has_websocket_context() else request
    return asked.remote_addr or "unknown"


def fields(allowance: Allowance | None) -> list[tuple[str, str]]:
    """The RateLimit fields (draft-ietf-httpapi-ratelimit-headers-03) of a call that was counted."""
    if allowance is None:
        return []
    return [
        ("RateLimit-Limit", str(allowance.limit)),
        ("RateLimit-Remaining", str(allowance.remaining)),
        ("RateLimit-Reset", str(math.ceil(allowance.reset))),
    ]
