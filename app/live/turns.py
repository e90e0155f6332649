"""Turns: when a thousand want something at once, a few a pass of the loop get it, and the loop stays free for more."""

import asyncio
from collections import deque

_A_PASS = 16  # At some 50 µs each, less than a millisecond.


class Turns:
    """Whoever takes a turn goes on in this pass of the loop or in a later one, in the order of coming."""

    def __init__(self) -> None:
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._armed = False

    async def take(self) -> None:
        """Return when it is one's turn; at once where there is no crowd."""
        if not self._armed:
            self._armed = True
            asyncio.get_running_loop().call_soon(self._next)
        if self._taken < _A_PASS and not self._waiting:
            self._taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _next(self) -> None:
        self._taken = 0
        while self._waiting and self._taken < _A_PASS:
            turn = self._waiting.popleft()
            if not turn.done():  # Who has left has cancelled it.
                turn.set_result(None)
                self._taken += 1
        if self._taken or self._waiting:
            asyncio.get_running_loop().call_soon(self._next)
        else:
            self._armed = False
