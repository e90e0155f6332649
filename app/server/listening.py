"""Where the workers listen: on Linux each at a socket of its own on the one port, and the kernel deals connections out.

At a socket that they share, the worker that wakes first accepts all that wait: in a reconnect storm, most of them
(benchmark `workers`).
"""

import socket
import sys
from typing import Any

import click
from hypercorn.config import Config, Sockets


class HubConfig(Config):
    """hypercorn's configuration; an address where it can't listen is reported in one sentence."""

    def create_sockets(self) -> Sockets:
        """Raises ClickException for an address that is taken, not ours, or none."""
        try:
            if self.workers > 1:
                self._check_free()
            sockets = super().create_sockets()
        except (OSError, ValueError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise click.ClickException(f"Can't listen on {', '.join(self.bind)}: {reason}.") from None
        if self.workers > 1 and sys.platform == "linux":  # Elsewhere the newest would get all.
            sockets.secure_sockets[:] = map(_own_in_each, sockets.secure_sockets)
            sockets.insecure_sockets[:] = map(_own_in_each, sockets.insecure_sockets)
        return sockets

    def _check_free(self) -> None:
        """Raise ClickException for a port in use: several workers would share it with any process of this user that
        allows that, another hub's too."""
        alone = HubConfig()
        alone.bind = [bind for bind in self.bind if not bind.startswith(("unix:", "fd:"))]
        for found in alone.create_sockets().insecure_sockets if alone.bind else ():
            found.close()


class _PortSocket(socket.socket):
    """Holds a port, and listens nowhere: handed to a process that is spawned it becomes a new socket on that port."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _at_port, (self.family, self.getsockname())


def _own_in_each(shared: socket.socket) -> socket.socket:
    if shared.family not in (socket.AF_INET, socket.AF_INET6):
        return shared
    return _PortSocket(shared.family, shared.type, fileno=shared.detach())


def _at_port(family: int, address: tuple[Any, ...]) -> socket.socket:
    """As hypercorn makes it, with its options."""
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for option in (socket.SO_REUSEPORT, socket.SO_REUSEADDR):
        made.setsockopt(socket.SOL_SOCKET, option, 1)
    made.bind(address)
    made.setblocking(False)
    return made
