"""Single flight: concurrent loads of one key share one call."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from itertools import batched

from app.tasks import TaskScope

WAKEUPS_PER_LOOP = 16  # Waiters that continue in one pass of the loop, so that a thousand of them don't block it.


class SingleFlight[K: Hashable, V]:
    """Concurrent loads of one key share one call.

    The load runs in a task of its own, so that a cancelled waiter does not cancel it: a cancelled query costs the pool
    a connection.
    """

    def __init__(self, tasks: TaskScope) -> None:
        self._tasks = tasks
        self._loads: dict[K, list[asyncio.Future[V]]] = {}

    async def run(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """What `load` returns or raises; it may run for an earlier call with the same key. Cancelled with the scope."""
        waiting = self._loads.get(key)
        if waiting is None:
            waiting = self._loads[key] = []
            task = self._tasks.spawn(self._load(key, waiting, load), f"load {key}")
            task.add_done_callback(partial(_cancel, waiting))
        future: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        waiting.append(future)
        return await future

    async def _load(self, key: K, waiting: list[asyncio.Future[V]], load: Callable[[], Awaitable[V]]) -> None:
        loaded: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        try:
            loaded.set_result(await load())
        except Exception as error:
            loaded.set_exception(error)
        finally:
            del self._loads[key]
        failure = loaded.exception()
        for some in batched(waiting, WAKEUPS_PER_LOOP, strict=False):
            for future in some:
                if future.done():
                    continue  # Its waiter was cancelled.
                if failure is not None:
                    future.set_exception(failure)
                else:
                    future.set_result(loaded.result())
            await asyncio.sleep(0)


def _cancel[V](waiting: list[asyncio.Future[V]], _task: asyncio.Task[None]) -> None:
    for future in waiting:
        future.cancel()
