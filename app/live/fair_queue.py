"""A fair queue: of many waiting calls, a few run in each pass of the event loop, first in, first out."""

import asyncio
from collections import deque
from collections.abc import Callable

WAKEUPS_PER_LOOP = 4  # At 50 to 200 µs each, less than a millisecond.


class FairQueue:
    """Each waiter continues in this pass of the loop or in a later one, first in, first out."""

    def __init__(self) -> None:
        self._taken = 0
        self._waiting: deque[Callable[[], object]] = deque()
        self._armed = False

    def call(self, what: Callable[[], object]) -> None:
        """Call `what` in this pass, or in a later one when the queue is long. If it returns False it is not counted."""
        if not self._armed:
            self._armed = True
            asyncio.get_running_loop().call_soon(self._next)
        if self._taken < WAKEUPS_PER_LOOP and not self._waiting:
            self._taken += 1
            what()
        else:
            self._waiting.append(what)

    async def take(self) -> None:
        """Return in this pass, or in a later one when the queue is long."""
        taken = asyncio.get_running_loop().create_future()

        def resume() -> bool:
            if taken.done():
                return False  # Its waiter was cancelled.
            taken.set_result(None)
            return True

        self.call(resume)
        if not taken.done():
            await taken

    def _next(self) -> None:
        self._taken = 0
        try:
            while self._waiting and self._taken < WAKEUPS_PER_LOOP:
                self._taken += self._waiting.popleft()() is not False
        finally:  # The loop logs a call that fails, and the queue continues.
            if self._taken or self._waiting:
                asyncio.get_running_loop().call_soon(self._next)
            else:
                self._armed = False
