"""How the workers listen: on Linux each has a socket of its own on the same port, and the kernel distributes
connections among them.

On a shared socket, the worker that wakes first accepts all waiting connections: in a reconnect storm, most of them
(benchmark `workers`).
"""

import os
import socket
import stat
import sys
from errno import EADDRINUSE
from typing import Any

import click
from hypercorn.config import Config, Sockets

from app.server.accepting import BoundedListener


class HubConfig(Config):
    """hypercorn's configuration. An address on which it can't listen is reported in one sentence."""

    def create_sockets(self) -> Sockets:
        """Raises ClickException for an address that is in use, not of this machine, or invalid."""
        try:
            self._check_paths()
            if self.workers > 1:
                self._check_free()
            sockets = super().create_sockets()
        except (OSError, ValueError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            step = " Choose another one with --bind HOST:PORT." if getattr(error, "errno", 0) == EADDRINUSE else ""
            raise click.ClickException(f"Can't listen on {', '.join(self.bind)}: {reason}.{step}") from None
        for found in (sockets.secure_sockets, sockets.insecure_sockets):
            if self.workers <= 1:
                found[:] = map(_bounded, found)
            elif sys.platform == "linux":  # Elsewhere the newest socket would get all connections.
                found[:] = map(_one_per_worker, found)
        return sockets

    def _check_paths(self) -> None:
        """Raise ClickException for a path that is no socket, or at which another process listens: hypercorn would
        remove it, and the other would get no more connections."""
        for bind in self.bind:
            path = bind.removeprefix("unix:")
            if path == bind or not os.path.lexists(path):
                continue
            if not stat.S_ISSOCK(os.stat(path).st_mode):
                raise click.ClickException(f"Can't listen on {bind}: there is a file of that name, which is no socket.")
            with socket.socket(socket.AF_UNIX) as caller:
                caller.settimeout(1)
                if caller.connect_ex(path) == 0:
                    raise click.ClickException(f"Can't listen on {bind}: another process does.")

    def _check_free(self) -> None:
        """Raise ClickException for a port in use. Otherwise several workers would share it with any process of this
        user that allows sharing, such as another hub."""
        single = HubConfig()
        single.bind = [bind for bind in self.bind if not bind.startswith(("unix:", "fd:"))]
        for opened in single.create_sockets().insecure_sockets if single.bind else ():
            opened.close()


class _PortSocket(socket.socket):
    """Reserves a port without listening. Passed to a spawned process, it becomes a new socket on that port."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _bound_socket, (self.family, self.getsockname())


def _bounded(plain: socket.socket) -> socket.socket:
    return BoundedListener(plain.family, plain.type, fileno=plain.detach())


def _one_per_worker(shared: socket.socket) -> socket.socket:
    if shared.family not in (socket.AF_INET, socket.AF_INET6):
        return shared
    return _PortSocket(shared.family, shared.type, fileno=shared.detach())


def _bound_socket(family: int, address: tuple[Any, ...]) -> socket.socket:
    """As hypercorn makes it, with its options."""
    bound = BoundedListener(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for option in (socket.SO_REUSEPORT, socket.SO_REUSEADDR):
        bound.setsockopt(socket.SOL_SOCKET, option, 1)
    bound.bind(address)
    bound.setblocking(False)
    return bound
