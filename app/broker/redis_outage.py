"""When Redis fails: which errors that are, how they are logged, and how long to wait before the next try."""

import asyncio
import logging
import random

from redis.exceptions import RedisError

log = logging.getLogger("tidewire.redis")
OUTAGES = (RedisError, OSError, TimeoutError, asyncio.IncompleteReadError)


def log_outage(what: str, error: Exception) -> None:
    """An outage is one line; what we did not foresee is logged whole. Neither ends the loop it happened in."""
    if isinstance(error, OUTAGES):
        log.warning("%s: %s", what, error)
    else:
        log.error(what, exc_info=error)


def backoff(tries: int) -> float:
    """Seconds until the next try: up to 5, jittered, so that a fleet does not come back in step."""
    return min(5.0, 0.1 * 2.0 ** min(tries, 8)) * random.uniform(0.5, 1.0)
