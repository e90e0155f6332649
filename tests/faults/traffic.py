"""Traffic during a fault: publishers that run until they are stopped, and watchers of all three kinds."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from tests.faults.invariants import assert_seen, assert_stored, history
from tests.support.publisher import Publisher
from tests.support.stream_watcher import LineWatcher, SseWatcher
from tests.support.watcher import Watcher, all_seen

KINDS: tuple[type[Watcher], ...] = (Watcher, SseWatcher, LineWatcher)
PACE = 0.2  # seconds between two updates of one publisher: the test machine has to keep up as well


class Traffic:
    """Publishers and watchers on some hubs; `traffic` opens one."""

    def __init__(self, urls: Sequence[str], publishers: Sequence[Publisher], watchers: Sequence[Watcher]) -> None:
        self.urls, self.publishers, self.watchers = tuple(urls), publishers, watchers
        self._ended = asyncio.Event()
        self._progress = asyncio.Condition()

    @property
    def answered(self) -> int:
        """The number of publishes answered so far."""
        return sum(len(publisher.answered) for publisher in self.publishers)

    async def more(self, count: int, *, within: float = 30) -> None:
        """Wait until that many more publishes have been answered."""
        wanted = self.answered + count
        try:
            async with asyncio.timeout(within), self._progress:
                await self._progress.wait_for(lambda: self.answered >= wanted)
        except TimeoutError:
            failures = [failure for publisher in self.publishers for failure in publisher.failures[-2:]]
            missing = wanted - self.answered
            raise AssertionError(f"{missing} of {count} publishes unanswered after {within} s: {failures}") from None

    async def run(self, publisher: Publisher) -> None:
        """Publish at the pace until `end`; the last publish is answered too."""
        while not self._ended.is_set():
            await publisher.publish()
            async with self._progress:
                self._progress.notify_all()
            # With jitter: publishers in step would make one group commit per interval.
            await asyncio.sleep(PACE * random.uniform(0.5, 1.5))

    def end(self) -> None:
        """Start no new publishes."""
        self._ended.set()

    async def settle(self, *, within: float) -> int:
        """Check the invariants once every publish was answered; return the number of updates."""
        log = await history(self.urls[0])
        await all_seen(self.watchers, len(log), within=within)

        for url in self.urls:
            assert await history(url) == log
        assert_stored(log, self.publishers)
        assert_seen(log, self.watchers)
        return len(log)


@asynccontextmanager
async def traffic(
    *urls: str, publishers: int = 20, watchers: int = 50, settled_within: float = 15
) -> AsyncIterator[Traffic]:
    """That many of each on these hubs, all watchers live at the start; the exit checks the invariants.

    The watchers alternate in kind and in their first hub.
    """
    async with AsyncExitStack() as stack:
        started_watchers = []
        for number in range(watchers):
            kind = KINDS[number % len(KINDS)]
            started_watchers.append(
                await stack.enter_async_context(kind(*_rotated(urls, number), channel="lobby", after=0))
            )
        started_publishers = [
            await stack.enter_async_context(Publisher(*_rotated(urls, number), channel="lobby", name=f"p{number}"))
            for number in range(publishers)
        ]
        running = Traffic(urls, started_publishers, started_watchers)
        for watcher in started_watchers:
            await watcher.live()
        async with asyncio.TaskGroup() as tasks:
            for publisher in started_publishers:
                tasks.create_task(running.run(publisher))
            yield running
            running.end()
        await running.settle(within=settled_within)


def _rotated(urls: Sequence[str], number: int) -> list[str]:
    at = number % len(urls)
    return [*urls[at:], *urls[:at]]
