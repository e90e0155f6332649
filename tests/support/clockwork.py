"""An event loop whose clock the test moves: nothing is waited for, and every time is exact."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class _Selector(selectors.DefaultSelector):
    """Instead of waiting it lets the time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        assert ready or timeout is not None, "everything waits, and for no time that will come"
        if not ready and timeout is not None and timeout > 0:
            self.now += timeout
        return ready


class ClockworkLoop(asyncio.SelectorEventLoop):
    """`time()` stands still while code runs, until `work` says how long something took; timers are never late."""

    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now

    def work(self, seconds: float) -> None:
        """Let what runs now have taken so long."""
        self._clock.now += seconds


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` on a loop of its own."""
    with asyncio.Runner(loop_factory=ClockworkLoop) as runner:
        runner.run(work)
