"""When a socket counts as stalled: something waits for it, and it has taken none of it for a time."""

import asyncio


class Movement:
    """What is remembered of a socket between two checks of it."""

    __slots__ = ("_moved", "_progress")

    def __init__(self) -> None:
        self._moved = asyncio.get_running_loop().time()
        self._progress = 0

    def has_stalled(self, now: float, timeout: float, waiting: int, written: int) -> bool:
        """`waiting` of the `written` bytes are not taken yet; `now` by the loop's clock, `timeout` in seconds."""
        progress = written - waiting
        if not waiting or progress > self._progress:
            self._moved, self._progress = now, progress
        return now - self._moved > timeout
