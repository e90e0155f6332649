"""The cause of a Redis outage, and what of it is public."""

import socket
import ssl

import pytest
from redis import exceptions

from app.broker.redis import RedisBroker
from app.broker.redis_outage import cause_of
from app.config import ConfigError, Settings


def wrapped(below: Exception) -> exceptions.ConnectionError:
    """As the client wraps what the socket raised."""
    error = exceptions.ConnectionError("Error connecting to h:6379.")
    error.__cause__ = below
    return error


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (exceptions.AuthenticationError("invalid password"), "login"),
        (exceptions.NoPermissionError("no permissions"), "rights"),
        (exceptions.OutOfMemoryError("command not allowed"), "memory"),
        (exceptions.ReadOnlyError("a replica"), "read_only"),
        (exceptions.BusyLoadingError("loading"), "starting"),
        (exceptions.TimeoutError("Timeout reading"), "timeout"),
        (TimeoutError(), "timeout"),
        (wrapped(ConnectionRefusedError(111, "refused")), "refused"),
        (wrapped(socket.gaierror(-2, "Name or service not known")), "unknown_host"),
        (wrapped(ssl.SSLError(1, "wrong version number")), "tls"),
        (exceptions.ResponseError("DB index is out of range"), "other"),
    ],
)
def test_each_has_its_cause_and_a_public_part_without_addresses(error: Exception, word: str) -> None:
    cause = cause_of(error)

    assert (cause.word, cause.detail) == (word, str(error))
    assert "6379" not in cause.public


@pytest.mark.parametrize("query", ["nope=1", "db=x", "protocol=9", "socket_timeout=soon"])
def test_a_parameter_that_the_client_can_not_use_is_refused(query: str) -> None:
    with pytest.raises(ConfigError, match="TIDEWIRE_REDIS_URL has"):
        RedisBroker(Settings(redis_url=f"redis://h?{query}"))
