"""`tidewire serve --reload`: one worker, replaced when a file of the code changes.

hypercorn's own reloader watches what its parent process has imported, which has to create the application as well, and
it ends with the first file that can't be imported. The socket stays open in between: a client that connects waits.
"""

import logging
import os
import time
from multiprocessing.connection import wait

from app.server.sources import difference, snapshot
from app.server.workers import Workers

log = logging.getLogger("tidewire.server")

INTERVAL_S = 0.3
PAUSE_PER_LOOK = 10  # A look at a very large tree takes a tenth of the time at most.


class Reloader(Workers):
    """One worker, and a look at the files of the code while it runs. It ends as any shutdown does: watchers reconnect
    and miss nothing."""

    def run(self) -> int:
        """Run until SIGTERM or Ctrl-C. Returns 0."""
        self._take_signals()
        files = snapshot()
        self._start()
        while not self._stopped:
            if any(process.exitcode is not None for process in self._processes):
                log.error("The hub has ended; it starts again when a file changes")
                self._processes.clear()
            began = time.monotonic()
            now = snapshot()
            if (changed := difference(files, now)) is not None:
                log.warning("%s has changed: the hub starts again", os.path.relpath(changed))
                files = now
                self._restart()
            pause = max(INTERVAL_S, PAUSE_PER_LOOK * (time.monotonic() - began))
            wait([process.sentinel for process in self._processes], timeout=pause)
        self._end()
        return 0

    def _restart(self) -> None:
        self._end_workers()
        if not self._stopped:
            self._shutdown.clear()
            self._start()

    def _stop(self, *_: object) -> None:
        # Not the event, whose lock the interrupted code may hold: the next look is soon enough.
        self._stopped = True
