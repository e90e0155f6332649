"""An event loop with a simulated clock: it never waits, and every time is exact."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class _Selector(selectors.DefaultSelector):
    """Advances the clock instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        assert ready or timeout is not None, "every task waits, and no timer is set"
        if not ready and timeout is not None and timeout > 0:
            self.now += timeout
        return ready


class ClockworkLoop(asyncio.SelectorEventLoop):
    """`time()` does not advance while code runs, except by `work`; timers are never late."""

    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now

    def work(self, seconds: float) -> None:
        """Advance the clock by the duration of the code that runs."""
        self._clock.now += seconds


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` on a loop of its own."""
    with asyncio.Runner(loop_factory=ClockworkLoop) as runner:
        runner.run(work)
