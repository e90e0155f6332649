"""The worker processes of `tidewire serve --workers N`: started, replaced when one is killed, and ended together.

hypercorn's own parent ends all workers, with status 0, when one of them is killed.
"""

import logging
import signal
import time
from collections import deque
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Any

from hypercorn.asyncio.run import asyncio_worker, uvloop_worker

from app.server.listening import HubConfig

log = logging.getLogger("tidewire.server")

MAX_REPLACED = 5  # Workers, within REPLACED_WITHIN_S; with one more the hub ends, and its supervisor decides.
REPLACED_WITHIN_S = 60.0


class Workers:
    """The processes of one hub. They share its port, and end when this process does."""

    def __init__(self, config: HubConfig) -> None:
        """Listens. Raises ClickException for an address that is taken, not ours, or none."""
        self._config = config
        self._context = get_context("spawn")
        self._run: Callable[..., Any] = uvloop_worker if config.worker_class == "uvloop" else asyncio_worker
        self._sockets = config.create_sockets()
        self._shutdown = self._context.Event()
        self._processes: list[SpawnProcess] = []
        self._stopped = False
        self._replaced: deque[float] = deque(maxlen=MAX_REPLACED)

    def run(self) -> int:
        """Run until SIGTERM or Ctrl-C. Returns the exit status: 0, or 1 where a worker failed by itself or workers are
        killed faster than MAX_REPLACED allows."""
        self._take_signals()
        for _ in range(self._config.workers):
            self._start()
        status = 0
        while not self._stopped and status == 0:
            wait([process.sentinel for process in self._processes])
            if not self._stopped:
                status = self._replace_ended()
        self._end()
        return status

    def _take_signals(self) -> None:
        """From now on SIGTERM and Ctrl-C end the workers, in good order."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def _stop(self, *_: object) -> None:
        self._stopped = True
        self._shutdown.set()

    def _start(self) -> None:
        given = {"config": self._config, "sockets": self._sockets, "shutdown_event": self._shutdown}
        process = self._context.Process(target=self._run, kwargs=given)
        # The worker inherits it: Ctrl-C reaches the whole group, and this process alone ends the workers.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        process.start()
        signal.signal(signal.SIGINT, before)
        self._processes.append(process)

    def _replace_ended(self) -> int:
        """Replace the workers that were killed; the status to end with, or 0."""
        for process in [each for each in self._processes if each.exitcode is not None]:
            self._processes.remove(process)
            code = process.exitcode or 0
            if code > 0:
                log.error("A worker failed with status %d; the hub ends", code)
                return 1
            now = time.monotonic()
            if len(self._replaced) == MAX_REPLACED and now - self._replaced[0] < REPLACED_WITHIN_S:
                log.error("Workers are killed again and again (the last by signal %d); the hub ends", -code)
                return 1
            self._replaced.append(now)
            log.error("A worker was killed by signal %d; another takes its place", -code)
            self._start()
        return 0

    def _end(self) -> None:
        """End the workers, and close the sockets."""
        self._end_workers()
        for listener in (*self._sockets.secure_sockets, *self._sockets.insecure_sockets):
            listener.close()

    def _end_workers(self) -> None:
        """End the workers, each in good order if it does so in its time."""
        self._shutdown.set()
        deadline = time.monotonic() + self._config.graceful_timeout + self._config.shutdown_timeout + 5
        for process in self._processes:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.exitcode is None:
                process.kill()
                process.join()
        self._processes.clear()
