"""Redis outages: which errors count as one, their causes, how they are logged, and how long to wait before a retry."""

import asyncio
import logging
import random
import socket
import ssl
from dataclasses import replace

from redis import exceptions
from redis.exceptions import RedisError

from app.errors import Cause
from app.telemetry.recurring import Recurring

log = logging.getLogger("tidewire.redis")
OUTAGES = (RedisError, OSError, TimeoutError, asyncio.IncompleteReadError)

_LOGIN = Cause("login", "Redis refuses the login", "check the user and password in TIDEWIRE_REDIS_URL")
_RIGHTS = Cause("rights", "Redis' user lacks a right", "give it the keys and channels that begin with tidewire:")
_MEMORY = Cause("memory", "Redis has no more memory", "raise its maxmemory, or let it evict keys")
_READ_ONLY = Cause("read_only", "Redis can only be read", "name the primary in TIDEWIRE_REDIS_URL, not a replica")
_STARTING = Cause("starting", "Redis is loading its data", "wait")
_TIMEOUT = Cause("timeout", "Redis does not answer in time", "check its load and the network")
_HOST = Cause("unknown_host", "Redis can't be reached, because its host is unknown", "check TIDEWIRE_REDIS_URL")
_TLS = Cause("tls", "The connection to Redis can't be encrypted", "check its certificate; rediss:// needs TLS there")
_AWAY = Cause("refused", "Redis can't be reached", "start it, or check TIDEWIRE_REDIS_URL and the network")
_OTHER = Cause("other", "Redis refused", "check its version and its log")
_KINDS: tuple[tuple[type[Exception], Cause], ...] = (
    (exceptions.AuthenticationError, _LOGIN),
    (exceptions.NoPermissionError, _RIGHTS),
    (exceptions.OutOfMemoryError, _MEMORY),
    (exceptions.ReadOnlyError, _READ_ONLY),
    (exceptions.BusyLoadingError, _STARTING),
    (exceptions.TimeoutError, _TIMEOUT),
    (TimeoutError, _TIMEOUT),
    (exceptions.ConnectionError, _AWAY),
    (OSError, _AWAY),
    (asyncio.IncompleteReadError, _AWAY),
)


def cause_of(error: BaseException) -> Cause:
    """The cause of one of OUTAGES, with the client's own words as its detail."""
    below = error.__cause__ or error.__context__
    if isinstance(below, socket.gaierror):
        found = _HOST
    elif isinstance(below, ssl.SSLError):
        found = _TLS
    else:
        found = next((cause for kind, cause in _KINDS if isinstance(error, kind)), _OTHER)
    return replace(found, detail=str(error))


class OutageLog:
    """The outages of one broker in the log, each kind at a bounded rate."""

    def __init__(self) -> None:
        self._recurring = Recurring(log)

    def failed(self, what: str, error: Exception) -> None:
        """Log an outage as one line, and any other error with its traceback."""
        if isinstance(error, OUTAGES):
            cause = cause_of(error)
            self._recurring.failed(what + cause.word, f"{what}. {cause}")
        else:
            log.error(what, exc_info=error)


def backoff(tries: int) -> float:
    """Seconds until the next try: up to 5, jittered, so that several processes don't reconnect at the same moment."""
    return min(5.0, 0.1 * 2.0 ** min(tries, 8)) * random.uniform(0.5, 1.0)
