"""One query for all who want the same thing at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable

from app.tasks import TaskScope


class Flights[K: Hashable, V]:
    """Loads in flight, by key: who asks for a key that is being loaded waits for that load.

    The load runs in a task of its own, so that a waiter who is cancelled, a watcher who left, cancels only its own
    wait: a query cancelled on its way costs the pool a connection.
    """

    def __init__(self, tasks: TaskScope) -> None:
        self._tasks = tasks
        self._flying: dict[K, asyncio.Future[V]] = {}

    async def fly(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """What `load` returns or raises, perhaps for an earlier asker of the same key."""
        future = self._flying.get(key)
        if future is None:
            future = self._flying[key] = asyncio.get_running_loop().create_future()
            self._tasks.spawn(self._land(key, future, load), f"load {key}")
        return await asyncio.shield(future)

    async def _land(self, key: K, future: asyncio.Future[V], load: Callable[[], Awaitable[V]]) -> None:
        try:
            value = await load()
        except asyncio.CancelledError:
            future.cancel()
            raise
        except Exception as error:
            future.set_exception(error)
            future.exception()  # Taken note of, should every waiter have left.
        else:
            future.set_result(value)
        finally:
            self._flying.pop(key, None)
