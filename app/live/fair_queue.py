"""A fair queue: of many that want something at once, a few a pass of the loop get it, in the order of coming."""

import asyncio
from collections import deque
from collections.abc import Callable

_A_PASS = 4  # At some 50 to 200 µs each, less than a millisecond.


class FairQueue:
    """Whoever takes a turn goes on in this pass of the loop or in a later one, in the order of coming."""

    def __init__(self) -> None:
        self._taken = 0
        self._waiting: deque[Callable[[], object]] = deque()
        self._armed = False

    def call(self, what: Callable[[], object]) -> None:
        """Call it when it is its turn; at once where there is no crowd. What returns False has taken no turn."""
        if not self._armed:
            self._armed = True
            asyncio.get_running_loop().call_soon(self._next)
        if self._taken < _A_PASS and not self._waiting:
            self._taken += 1
            what()
        else:
            self._waiting.append(what)

    async def take(self) -> None:
        """Return when it is one's turn; at once where there is no crowd."""
        turn = asyncio.get_running_loop().create_future()

        def give() -> bool:
            if turn.done():
                return False  # Who has left has cancelled it.
            turn.set_result(None)
            return True

        self.call(give)
        if not turn.done():
            await turn

    def _next(self) -> None:
        self._taken = 0
        try:
            while self._waiting and self._taken < _A_PASS:
                self._taken += self._waiting.popleft()() is not False
        finally:  # One that fails is the loop's to log, and does not end the turns of all others.
            if self._taken or self._waiting:
                asyncio.get_running_loop().call_soon(self._next)
            else:
                self._armed = False
