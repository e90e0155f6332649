"""Decides when arrived entries are written: at once while the hub is idle, in batches while it is busy."""

import asyncio
import logging
from typing import Protocol

log = logging.getLogger("tidewire.live")

MAX_PAUSE_S = 0.02  # The longest delay that batching may add.
MAX_PAUSE_FACTOR = 2.0  # Times what the flush took.
MANY_UPDATES = 16  # Updates of one feed.


class Flushes(Protocol):
    """A feed, as the flusher uses it."""

    def flush(self) -> int:
        """Write everything that has arrived, synchronously. Returns the number of updates."""


class Flusher:
    """One schedule for all feeds of a process. After a flush it pauses: for half the time that the flush took if it
    wrote single updates, for up to twice that time if it wrote many.

    So writing takes at most two thirds of the time, entries that arrive meanwhile are written together, and an idle hub
    writes in the next pass of the loop. The shorter pause after single updates reduced the delay for a thousand
    watchers of 50 updates a second from 17 ms to 8; the longer pause after many updates reduced the cost of a delivery,
    with single requests at full speed, by an eighth (benchmarks `reconnect` and `fanout`, when each was added).
    """

    def __init__(self) -> None:
        self._due: dict[Flushes, None] = {}
        self._next = 0.0
        self._armed = False

    def schedule(self, what: Flushes) -> None:
        """Include it in the next flush. A second call before that changes nothing."""
        self._due[what] = None
        if not self._armed:
            self._arm()

    def forget(self, what: Flushes) -> None:
        """Leave it out of the next flush."""
        self._due.pop(what, None)

    def _arm(self) -> None:
        self._armed = True
        loop = asyncio.get_running_loop()
        if self._next > loop.time():
            loop.call_at(self._next, self._flush)
        else:
            loop.call_soon(self._flush)

    def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        due, self._due = self._due, {}
        most = 1
        for each in due:
            try:
                most = max(most, each.flush())
            except Exception:
                log.exception("A feed could not be flushed")
        # uvloop writes at the end of the pass, so the cost of the flush is measured in the next one.
        loop.call_soon(self._pause, began, most)

    def _pause(self, began: float, most: int) -> None:
        now = asyncio.get_running_loop().time()
        factor = min(1 - 0.5 / most + most / MANY_UPDATES, MAX_PAUSE_FACTOR)
        self._next = now + min(factor * (now - began), MAX_PAUSE_S)
        self._armed = False
        if self._due:
            self._arm()
