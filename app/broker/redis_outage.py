"""Redis outages: which errors count as one, how they are logged, and how long to wait before the next try."""

import asyncio
import logging
import random

from redis.exceptions import RedisError

log = logging.getLogger("tidewire.redis")
OUTAGES = (RedisError, OSError, TimeoutError, asyncio.IncompleteReadError)


def log_outage(what: str, error: Exception) -> None:
    """Log an outage as one line, and any other error with its traceback."""
    if isinstance(error, OUTAGES):
        log.warning("%s: %s", what, error)
    else:
        log.error(what, exc_info=error)


def backoff(tries: int) -> float:
    """Seconds until the next try: up to 5, jittered, so that several processes don't reconnect at the same moment."""
    return min(5.0, 0.1 * 2.0 ** min(tries, 8)) * random.uniform(0.5, 1.0)
