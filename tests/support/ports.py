"""Free TCP ports on the loopback address."""

import socket

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that was free a moment ago; another process may still take it first."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_open(port: int, *, within: float = 0.2) -> bool:
    """Whether a server on the loopback address accepts a connection to `port` within that many seconds."""
    try:
        with socket.create_connection((HOST, port), timeout=within):
            return True
    except OSError:
        return False
