"""When what came is written: at once where the hub is idle, in batches where it is busy."""

import asyncio
import logging
from typing import Protocol

log = logging.getLogger("tidewire.live")

_MOST_PAUSE = 0.02  # Seconds: what batching may cost a watcher at most.
_MOST_TIMES = 2.0  # What the flush took.
_MANY = 16  # Updates of one feed.


class Flushes(Protocol):
    """What has something to write now and then."""

    def flush(self) -> int:
        """Write it. Synchronous and whole. How many updates it was, which a rest may have gathered."""


class Flusher:
    """One clock for all feeds of a process: after a flush of all that is due it pauses for about as long as that flush
    took, from half as long where it was of single updates to twice as long where it was of many.

    So writing takes at most two thirds of the time however much comes, what comes meanwhile is written together, and a
    hub with nothing else to do writes in the next turn of the loop. Updates that come singly have nothing to be written
    together with; of many, one write more or less is what they cost.
    """

    def __init__(self) -> None:
        self._due: dict[Flushes, None] = {}
        self._next = 0.0
        self._armed = False

    def due(self, what: Flushes) -> None:
        """Flush it at the next tick. Saying so again before that changes nothing."""
        self._due[what] = None
        if not self._armed:
            self._arm()

    def forget(self, what: Flushes) -> None:
        """Nothing of it is to be written any more."""
        self._due.pop(what, None)

    def _arm(self) -> None:
        self._armed = True
        loop = asyncio.get_running_loop()
        if self._next > loop.time():
            loop.call_at(self._next, self._tick)
        else:
            loop.call_soon(self._tick)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        due, self._due = self._due, {}
        most = 1
        for each in due:
            try:
                most = max(most, each.flush())
            except Exception:
                log.exception("A feed could not be flushed")
        # uvloop writes at the end of the turn: what the flush cost is known in the next one.
        loop.call_soon(self._rest, began, most)

    def _rest(self, began: float, most: int) -> None:
        now = asyncio.get_running_loop().time()
        times = min(1 - 0.5 / most + most / _MANY, _MOST_TIMES)  # The more there was to gather, the longer.
        self._next = now + min(times * (now - began), _MOST_PAUSE)
        self._armed = False
        if self._due:
            self._arm()
