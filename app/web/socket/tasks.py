"""The background tasks of one websocket: each ends with its connection, and every failure is logged."""

import asyncio
import logging
from collections.abc import Callable, Coroutine

log = logging.getLogger("tidewire.socket")


class ConnectionTasks:
    """Tasks that are cancelled together. `on_failure` is called when one fails; the failure is logged."""

    __slots__ = ("_on_failure", "_tasks")

    def __init__(self, on_failure: Callable[[], None]) -> None:
        self._on_failure = on_failure
        # Most connections never need a task, and an empty set is 216 bytes, of some 7.5 kB per watcher (benchmark
        # `memory`).
        self._tasks: set[asyncio.Task[None]] | None = None

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run `work` until it ends or the connection does."""
        task = asyncio.get_running_loop().create_task(work)
        self._hold(task)
        return task

    def begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """As `spawn`, but starts at once: work that does not wait is done when this returns."""
        task = asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)
        self._hold(task)
        return task

    def cancel(self) -> None:
        """Cancel all tasks."""
        for task in tuple(self._tasks or ()):
            task.cancel()

    def _hold(self, task: asyncio.Task[None]) -> None:
        if task.done():
            self._ended(task)
            return
        if self._tasks is None:
            self._tasks = set()
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._tasks is not None:
            self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A websocket's task failed", exc_info=error)
            self._on_failure()
