"""Free TCP ports on the loopback address."""

import os
import random
import socket
from contextlib import suppress
from itertools import count

HOST = "127.0.0.1"


# Below the ports that systems give to clients (Linux: from 32,768), any of which may be taken at any moment. Each
# worker of pytest has its own.
_OF_A_WORKER = 2000
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
_numbers = count(random.randrange(_OF_A_WORKER))


def free_port() -> int:
    """A port that is free, and that no other call in this process has returned lately."""
    for number in _numbers:
        port = 11_000 + _OF_A_WORKER * _WORKER + number % _OF_A_WORKER
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise AssertionError("There are always more numbers.")


def is_open(port: int, *, within: float = 0.2) -> bool:
    """Whether a server on the loopback address accepts a connection to `port` within that many seconds."""
    try:
        with socket.create_connection((HOST, port), timeout=within):
            return True
    except OSError:
        return False
