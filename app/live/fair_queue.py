"""A fair queue: of many that want something at once, a few a pass of the loop get it, in the order of coming."""

import asyncio
from collections import deque
from collections.abc import Callable

WAKEUPS_PER_LOOP = 4  # At 50 to 200 µs each, less than a millisecond.


class FairQueue:
    """Each waiter goes on in this pass of the loop or in a later one, first in, first out."""

    def __init__(self) -> None:
        self._taken = 0
        self._waiting: deque[Callable[[], object]] = deque()
        self._armed = False

    def call(self, what: Callable[[], object]) -> None:
        """Call it in this pass, or in a later one when the queue is long. A call that returns False is not counted."""
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
        turn = asyncio.get_running_loop().create_future()

        def give() -> bool:
            if turn.done():
                return False  # Its waiter was cancelled.
            turn.set_result(None)
            return True

        self.call(give)
        if not turn.done():
            await turn

    def _next(self) -> None:
        self._taken = 0
        try:
            while self._waiting and self._taken < WAKEUPS_PER_LOOP:
                self._taken += self._waiting.popleft()() is not False
        finally:  # One that fails is logged by the loop, and does not stop the queue.
            if self._taken or self._waiting:
                asyncio.get_running_loop().call_soon(self._next)
            else:
                self._armed = False
