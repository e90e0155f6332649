"""A failure that may recur thousands of times a second: logged at once, then once a minute with its count."""

import logging
import time
from collections.abc import Callable

INTERVAL_S = 60.0
_MAX_KINDS = 100


class Recurring:
    """The failures of one service, by kind. Not for several threads at once."""

    def __init__(self, log: logging.Logger, now: Callable[[], float] = time.monotonic) -> None:
        """`now` is in seconds, of a clock that never goes back."""
        self._log = log
        self._now = now
        self._counts: dict[str, int] = {}
        self._logged: dict[str, float] = {}

    def failed(self, kind: str, sentence: str) -> None:
        """Log the sentence as an error, unless one of that kind was logged within the last minute: then count it."""
        now, logged = self._now(), self._logged.get(kind)
        if logged is not None and now - logged < INTERVAL_S:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            return
        if len(self._logged) >= _MAX_KINDS:
            self._logged.clear()
        self._logged[kind] = now
        count = self._counts.pop(kind, 0)
        self._log.error("%s%s", sentence, f" ({count} more since this was last logged)" if count else "")
