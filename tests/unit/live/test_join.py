"""The law of the live part: past and future join without a seam, whatever becomes of the hints."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from hypothesis import given, settings
from hypothesis import strategies as st

from app.config import Settings
from app.live.feed import Feed
from app.live.flight import Flights
from app.live.frame import Batch, Ended, Reset
from app.live.watch import Watch
from app.metrics import Metrics
from app.model.access import ANONYMOUS
from app.model.position import After, Last, Now, Start
from app.model.update import Entry
from app.tasks import TaskScope
from tests.unit.live.journal import Journal

SMALL = Settings(secret_key="x" * 32, ring_updates=5, batch_bytes=1024, early_wait=0.0, poll_interval=0.05)
METRICS = Metrics()


class Reader:
    """A watcher that checks the law on everything it is handed."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.epoch, self.seq = watch.epoch, watch.seq
        self.ended: str | None = None

    async def run(self) -> None:
        async with aclosing(self.watch.follow()) as happenings:
            async for happening in happenings:
                match happening:
                    case Batch():
                        for entry in happening.entries:
                            assert (happening.epoch, entry.seq) == (self.epoch, self.seq + 1)
                            self.seq = entry.seq
                    case Reset():
                        self.epoch, self.seq = happening.epoch, happening.first - 1
                    case Ended():
                        self.ended = happening.reason


class Stage:
    """A journal, a feed, readers, and hints that may be late, doubled, lost or out of order."""

    def __init__(self, tasks: TaskScope) -> None:
        self.journal = Journal()
        self.tasks = tasks
        self.hints: list[tuple[str, list[Entry]]] = []
        self.readers: list[Reader] = []
        self.feed = Feed(1, self.journal.read, Flights(tasks), SMALL, METRICS, lambda: None)
        self.running: list[asyncio.Task[None]] = []

    def act(self, step: tuple[str, int]) -> None:
        name, number = step
        starts: list[Start] = [Now(), After(number), After(number, self.journal.epoch), Last(number)]
        actions: dict[str, Callable[[int], None]] = {
            "commit": lambda n: self.hints.append((self.journal.epoch, self.journal.commit(1 + n % 4))),
            "deliver": lambda n: self.feed.offer(*self.hints.pop(n % len(self.hints))) if self.hints else None,
            "double": lambda n: self.feed.offer(*self.hints[n % len(self.hints)]) if self.hints else None,
            "lose": lambda n: self.lose(n),
            "poll": lambda n: self.observe(),
            "trim": lambda n: self.journal.trim(n % 6),
            "empty": lambda n: self.journal.empty(),
            "join": lambda n: self.join(starts[n % 4]),
        }
        actions[name](number)

    def observe(self) -> None:
        self.feed.observe(self.journal.extent, asyncio.get_running_loop().time())

    def lose(self, number: int) -> None:
        if self.hints:
            self.hints.pop(number % len(self.hints))

    def join(self, start: Start) -> None:
        extent = self.journal.extent
        self.observe()
        watch = Watch(self.feed, ANONYMOUS)
        watch.begin(start, extent)
        reader = Reader(watch)
        self.readers.append(reader)
        self.running.append(asyncio.get_running_loop().create_task(reader.run()))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["commit", "commit", "commit", "deliver", "deliver", "double", "lose", "poll", "trim", "empty", "join"]
        ),
        st.integers(0, 20),
        st.integers(0, 3),
    ),
    max_size=60,
)


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_every_reader_sees_every_update_once_and_in_order(steps: list[tuple[str, int, int]]) -> None:
    async def play() -> None:
        async with TaskScope() as tasks:
            stage = Stage(tasks)
            stage.join(Now())
            for name, number, turns in steps:
                stage.act((name, number))
                for _ in range(turns):
                    await asyncio.sleep(0)
            stage.observe()  # The poll, at last.
            newest = (stage.journal.epoch, len(stage.journal.entries))
            for _ in range(400):
                await asyncio.sleep(0)
            stage.feed.close()
            for task in stage.running:
                if task.done():
                    task.result()
                task.cancel()
            await asyncio.gather(*stage.running, return_exceptions=True)

            assert {(reader.epoch, reader.seq) for reader in stage.readers} == {newest}

    asyncio.run(play())


async def test_readers_at_one_position_share_one_query() -> None:
    async with TaskScope() as tasks:
        stage = Stage(tasks)
        stage.journal.commit(6)
        for _ in range(100):
            stage.join(After(0))
        for _ in range(50):
            await asyncio.sleep(0)
        for task in stage.running:
            task.cancel()
        await asyncio.gather(*stage.running, return_exceptions=True)

        assert ({reader.seq for reader in stage.readers}, stage.journal.reads) == ({6}, 1)


async def test_a_watch_that_is_ended_hands_over_nothing_more() -> None:
    async with TaskScope() as tasks:
        stage = Stage(tasks)
        stage.join(Now())
        await asyncio.sleep(0)
        stage.readers[0].watch.end("revoked")
        stage.feed.offer("e1", stage.journal.commit(1))
        async with asyncio.timeout(5):
            await stage.running[0]

        assert (stage.readers[0].ended, stage.readers[0].seq) == ("revoked", 0)


async def test_a_deleted_channel_ends_its_watches() -> None:
    async with TaskScope() as tasks:
        stage = Stage(tasks)
        stage.join(Now())
        await asyncio.sleep(0)
        stage.feed.delete()
        async with asyncio.timeout(5):
            await stage.running[0]

        assert stage.readers[0].ended == "deleted"


async def test_what_is_committed_during_the_first_look_does_not_wait_for_the_poll() -> None:
    async with TaskScope() as tasks:
        stage = Stage(tasks)
        looked = stage.journal.extent
        stage.feed.offer("e1", stage.journal.commit(1))
        stage.feed.observe(looked, asyncio.get_running_loop().time())
        watch = Watch(stage.feed, ANONYMOUS)
        watch.begin(Now(), looked)
        async with asyncio.timeout(5), aclosing(watch.follow()) as happenings:
            first = await anext(happenings)

        assert isinstance(first, Batch)
        assert [entry.seq for entry in first.entries] == [1]


async def test_an_ended_watch_hands_over_no_more_of_its_page() -> None:
    async with TaskScope() as tasks:
        stage = Stage(tasks)
        big = [Entry(entry.seq, entry.json + b" " * 900) for entry in stage.journal.commit(5)]
        stage.journal.entries[:] = big
        stage.observe()
        watch = Watch(stage.feed, ANONYMOUS)
        watch.begin(After(0), stage.journal.extent)
        handed = []
        async with asyncio.timeout(5), aclosing(watch.follow()) as happenings:
            async for happening in happenings:
                handed.append(type(happening))
                watch.end("revoked")

        assert handed == [Batch, Ended]
