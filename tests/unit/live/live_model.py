"""A model of the live part: a feed, its log, unreliable hints, and readers that check the invariants."""

import asyncio
from collections.abc import Callable

from app.config import Settings
from app.live.events import Reset, WatchEvent
from app.live.fair_queue import FairQueue
from app.live.feed import Feed, Live
from app.live.flusher import Flusher
from app.live.pages import Pages
from app.live.watch import Watch
from app.model.access import ANONYMOUS
from app.model.batch import Batch
from app.model.position import After, Extent, Last, Now, Start
from app.model.update import Entry
from app.tasks import TaskScope
from app.telemetry.metrics import Metrics
from tests.support.stalling_sink import StallingSink
from tests.unit.live.journal import Journal

SMALL = Settings(secret_key="x" * 32, ring_updates=5, batch_bytes=1024, gap_timeout=0.0, poll_interval=0.05)
METRICS = Metrics()


class Reader(StallingSink):
    """A watcher's sink that checks the invariants on everything written to it."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch
        self.epoch, self.seq = watch.epoch, watch.seq

    def write(self, batch: Batch) -> bool:
        assert self.ended is None
        if not super().write(batch):
            return False
        for entry in batch.entries:
            assert (batch.epoch, entry.seq) == (self.epoch, self.seq + 1)
            self.seq = entry.seq
        return True

    def notify(self, event: WatchEvent) -> None:
        super().notify(event)
        if isinstance(event, Reset):
            self.epoch, self.seq = event.epoch, event.first - 1


class LiveModel:
    """A journal, a feed, readers, and hints that may be late, repeated, lost or out of order."""

    def __init__(self, tasks: TaskScope) -> None:
        self.journal = Journal()
        self.tasks = tasks
        self.hints: list[tuple[str, list[Entry]]] = []
        self.readers: list[Reader] = []
        live = Live(self.journal.read, SMALL, METRICS, tasks, Flusher(), FairQueue(), Pages(tasks), lambda: None)
        self.feed = Feed(1, live)

    def act(self, step: tuple[str, int]) -> None:
        name, number = step
        starts: list[Start] = [Now(), After(number), After(number, self.journal.epoch), Last(number)]
        actions: dict[str, Callable[[int], object]] = {
            "commit": lambda n: self.hints.append((self.journal.epoch, self.journal.commit(1 + n % 4))),
            "deliver": lambda n: self.feed.offer(*self.hints.pop(n % len(self.hints))) if self.hints else None,
            "repeat": lambda n: self.feed.offer(*self.hints[n % len(self.hints)]) if self.hints else None,
            "lose": self.lose,
            "poll": lambda n: self.observe(),
            "trim": lambda n: self.journal.trim(n % 6),
            "empty": lambda n: self.journal.empty(),
            "join": lambda n: self.join(starts[n % 4]),
            "return": lambda n: self.resume(starts[n % 4]),
            "stall": lambda n: self.readers[n % len(self.readers)].stall(),
            "continue": lambda n: self.readers[n % len(self.readers)].go_on(),
        }
        actions[name](number)

    def observe(self) -> None:
        self.feed.observe(self.journal.extent, asyncio.get_running_loop().time())

    def lose(self, number: int) -> None:
        if self.hints:
            self.hints.pop(number % len(self.hints))

    def join(self, start: Start) -> Reader:
        self.observe()
        return self.attach(start, self.journal.extent)

    def resume(self, start: Start) -> Reader:
        """Attach a reader without a read of the log, where the feed serves its start."""
        extent = self.feed.extent
        return self.attach(start, extent) if extent is not None and self.feed.serves(start) else self.join(start)

    def attach(self, start: Start, extent: Extent) -> Reader:
        watch = Watch(self.feed, ANONYMOUS, self.feed.watches.discard)
        self.feed.watches.add(watch)
        watch.begin(start, extent)
        reader = Reader(watch)
        self.readers.append(reader)
        watch.follow(reader, reader.notify)
        return reader


async def until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; fail after 500 passes of the loop and half a second for its timers."""
    for number in range(1000):
        if condition():
            return
        await asyncio.sleep(0 if number < 500 else 0.001)
    raise AssertionError("The condition never held.")
