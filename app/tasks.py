"""A scope for background tasks: every task has an owner that outlives it, and no failure is silent."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Self

log = logging.getLogger("tidewire.tasks")
RESTART_PAUSE_S = 1.0


class TaskScope:
    """Tasks that end before their owner does.

    Unlike `asyncio.TaskGroup`, one task's failure is logged and leaves its neighbours and the owner running, and the
    scope may be entered and left by different tasks, as ASGI's lifespan needs.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def quiet(self) -> bool:
        """True while no task runs."""
        return not self._tasks

    def spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Run `work` until it ends or the scope does. Raises RuntimeError once the scope is left."""
        if self._closed:
            work.close()
            raise RuntimeError(f"{name} was started after its owner had ended.")
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def keep(self, work: Callable[[], Coroutine[None, None, None]], name: str) -> asyncio.Task[None]:
        """Run `work` for as long as the scope lives: a failure is logged, and it begins again a second later. Raises as
        `spawn`."""
        return self.spawn(self._begin_again(work, name), name)

    async def _begin_again(self, work: Callable[[], Coroutine[None, None, None]], name: str) -> None:
        while True:
            try:
                await work()
                return
            except Exception:
                log.exception("Task %s failed; it begins again", name)
            await asyncio.sleep(RESTART_PAUSE_S)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("Task %s failed", task.get_name(), exc_info=error)
