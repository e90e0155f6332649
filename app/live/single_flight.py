"""One query for all who want the same thing at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from itertools import batched

from app.tasks import TaskScope

_A_PASS = 16  # Of those who waited go on in one pass of the loop, so that a thousand leave it free for others.


class SingleFlight[K: Hashable, V]:
    """Loads in flight, by key: who asks for a key that is being loaded waits for that load.

    The load runs in a task of its own, so that a waiter who is cancelled, a watcher who left, cancels only its own
    wait: a query cancelled on its way costs the pool a connection.
    """

    def __init__(self, tasks: TaskScope) -> None:
        self._tasks = tasks
        self._flying: dict[K, list[asyncio.Future[V]]] = {}

    async def run(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """What `load` returns or raises, perhaps for an earlier asker of the same key. Cancelled with the scope."""
        waiting = self._flying.get(key)
        if waiting is None:
            waiting = self._flying[key] = []
            flight = self._tasks.spawn(self._land(key, waiting, load), f"load {key}")
            flight.add_done_callback(partial(_let_go, waiting))
        future: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        waiting.append(future)
        return await future

    async def _land(self, key: K, waiting: list[asyncio.Future[V]], load: Callable[[], Awaitable[V]]) -> None:
        loaded: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        try:
            loaded.set_result(await load())
        except Exception as error:
            loaded.set_exception(error)
        finally:
            del self._flying[key]
        failure = loaded.exception()
        for some in batched(waiting, _A_PASS, strict=False):
            for future in some:
                if future.done():
                    continue  # Who left has cancelled it.
                if failure is not None:
                    future.set_exception(failure)
                else:
                    future.set_result(loaded.result())
            await asyncio.sleep(0)


def _let_go[V](waiting: list[asyncio.Future[V]], _flight: asyncio.Task[None]) -> None:
    for future in waiting:
        future.cancel()
