"""Accepting connections a few a turn of the event loop, and while file descriptors last: beyond that a connection is
closed at once, and the rest go on."""

import errno
import logging
import os
import socket
import time
from contextlib import suppress
from multiprocessing.reduction import DupFd
from typing import Any

log = logging.getLogger("tidewire.server")

ACCEPTS_PER_TURN = 4
RESERVE = 64  # File descriptors for the database, Redis and files; of a low limit, a quarter.
LOG_INTERVAL_S = 10.0
_MOST = 2**20  # Some systems make tables of the limit's size.
_EXHAUSTED = (errno.EMFILE, errno.ENFILE)


def raise_file_limit() -> tuple[int, int]:
    """Raise this process's limit of open files (`ulimit -n`) as far as it may. Returns what it was, and what it is."""
    import resource  # Absent on Windows, where the factory refuses before this.

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft == resource.RLIM_INFINITY or wanted <= soft:
        return soft, soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return soft, wanted


class BoundedListener(socket.socket):
    """A listening socket for asyncio that accepts few connections a turn and leaves a reserve of file descriptors.

    asyncio accepts as many in one turn as fit into the backlog (2,048 here), and each takes nearly a millisecond of the
    next turns, before anything else has its turn.

    A connection for which only the reserve is left is accepted and closed: left in the backlog, it would wake the loop
    without end. asyncio's own answer to EMFILE is a trace in the log for each place in the backlog. uvloop accepts by
    itself, and closes such connections too.
    """

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._spare = os.open(os.devnull, os.O_RDONLY)
        self._accepted = 0  # In this turn.
        self._closed_connections = 0
        self._log_at = 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        """Passed to a spawned process, it is the same listening socket."""
        return _inherited, (self.family, self.type, DupFd(self.fileno()))

    def accept(self) -> tuple[socket.socket, Any]:
        """Raises ConnectionAbortedError for a connection that it closed, and BlockingIOError after ACCEPTS_PER_TURN:
        either ends asyncio's accepting in this turn."""
        if self._accepted >= ACCEPTS_PER_TURN:
            self._accepted = 0
            raise BlockingIOError
        try:
            connection, address = super().accept()
        except OSError as error:
            self._accepted = 0
            if error.errno not in _EXHAUSTED:
                raise
            self._close_next()
            raise ConnectionAbortedError from None
        # A new descriptor is the lowest that is free (POSIX), so it tells how many are taken.
        if connection.fileno() < _most_descriptors():
            self._accepted += 1
            return connection, address
        self._accepted = 0
        connection.close()
        self._report()
        raise ConnectionAbortedError

    def close(self) -> None:
        """Close it, and the descriptor that it keeps to spare."""
        if self.fileno() != -1:
            os.close(self._spare)
        super().close()

    def _close_next(self) -> None:
        """Close the connection that waits longest, by the descriptor to spare."""
        os.close(self._spare)
        with suppress(OSError):  # The client has left.
            super().accept()[0].close()
        self._spare = os.open(os.devnull, os.O_RDONLY)
        self._report()

    def _report(self) -> None:
        self._closed_connections += 1
        if (now := time.monotonic()) >= self._log_at:
            log.error(
                "%d connections were closed as soon as they came: this process may open %d files (ulimit -n)",
                self._closed_connections,
                _file_limit(),
            )
            self._log_at, self._closed_connections = now + LOG_INTERVAL_S, 0


def _inherited(family: int, kind: int, duplicate: Any) -> BoundedListener:
    return BoundedListener(family, kind, fileno=duplicate.detach())


def _most_descriptors() -> int:
    limit = _file_limit()
    return limit - min(RESERVE, limit // 4)


def _file_limit() -> int:
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MOST if limit == resource.RLIM_INFINITY else limit
