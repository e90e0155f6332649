"""The law of the live part: past and future join without a seam, whatever becomes of the hints."""

import asyncio
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from app.config import Settings
from app.live.feed import Feed, Live, Page
from app.live.flight import Flights
from app.live.frame import Batch, Happening, Reset
from app.live.ticker import Ticker
from app.live.turns import Turns
from app.live.watch import Watch
from app.metrics import Metrics
from app.model.access import ANONYMOUS
from app.model.position import After, Last, Now, Start
from app.model.update import Entry
from app.tasks import TaskScope
from tests.support.stalling_sink import StallingSink
from tests.unit.live.journal import Journal

SMALL = Settings(secret_key="x" * 32, ring_updates=5, batch_bytes=1024, early_wait=0.0, poll_interval=0.05)
METRICS = Metrics()


class Reader(StallingSink):
    """A watcher's sink that checks the law on everything written to it."""

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

    def tell(self, happening: Happening) -> None:
        super().tell(happening)
        if isinstance(happening, Reset):
            self.epoch, self.seq = happening.epoch, happening.first - 1


class Stage:
    """A journal, a feed, readers, and hints that may be late, doubled, lost or out of order."""

    def __init__(self, tasks: TaskScope) -> None:
        self.journal = Journal()
        self.tasks = tasks
        self.hints: list[tuple[str, list[Entry]]] = []
        self.readers: list[Reader] = []
        flights: Flights[tuple[int, int], Page | None] = Flights(tasks)
        live = Live(self.journal.read, SMALL, METRICS, tasks, Ticker(), Turns(), flights, lambda: None)
        self.feed = Feed(1, live)

    def act(self, step: tuple[str, int]) -> None:
        name, number = step
        starts: list[Start] = [Now(), After(number), After(number, self.journal.epoch), Last(number)]
        actions: dict[str, Callable[[int], object]] = {
            "commit": lambda n: self.hints.append((self.journal.epoch, self.journal.commit(1 + n % 4))),
            "deliver": lambda n: self.feed.offer(*self.hints.pop(n % len(self.hints))) if self.hints else None,
            "double": lambda n: self.feed.offer(*self.hints[n % len(self.hints)]) if self.hints else None,
            "lose": lambda n: self.lose(n),
            "poll": lambda n: self.observe(),
            "trim": lambda n: self.journal.trim(n % 6),
            "empty": lambda n: self.journal.empty(),
            "join": lambda n: self.join(starts[n % 4]),
            "stall": lambda n: self.readers[n % len(self.readers)].stall(),
            "go on": lambda n: self.readers[n % len(self.readers)].go_on(),
        }
        actions[name](number)

    def observe(self) -> None:
        self.feed.observe(self.journal.extent, asyncio.get_running_loop().time())

    def lose(self, number: int) -> None:
        if self.hints:
            self.hints.pop(number % len(self.hints))

    def join(self, start: Start) -> Reader:
        extent = self.journal.extent
        self.observe()
        watch = Watch(self.feed, ANONYMOUS)
        self.feed.watches.add(watch)
        watch.begin(start, extent)
        reader = Reader(watch)
        self.readers.append(reader)
        watch.follow(reader, reader.tell)
        return reader


KINDS = (
    *("commit", "commit", "commit", "deliver", "deliver", "double", "lose"),
    *("poll", "trim", "empty", "join", "stall", "go on"),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
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
            for reader in stage.readers:
                reader.go_on()
            await until(lambda: {(reader.epoch, reader.seq) for reader in stage.readers} == {newest})
            await until(lambda: tasks.quiet)  # All ride, at the price of nothing.
            stage.feed.close()

    asyncio.run(play())


async def until(condition: Callable[[], bool]) -> None:
    """Return when it is so; fail when it is not within some turns of the loop, and half a second for its timers."""
    for turn in range(1000):
        if condition():
            return
        await asyncio.sleep(0 if turn < 500 else 0.001)
    raise AssertionError("It did not become so.")


async def test_readers_at_one_position_share_one_query() -> None:
    async with TaskScope() as tasks:
        stage = Stage(tasks)
        stage.journal.commit(6)
        for _ in range(100):
            stage.join(After(0))
        await until(lambda: {reader.seq for reader in stage.readers} == {6})

        assert stage.journal.reads == 1


async def test_riders_are_written_what_came_in_one_turn_as_one_batch_and_cost_no_task() -> None:
    async with TaskScope() as tasks:
        stage = Stage(tasks)
        riders = [stage.join(Now()) for _ in range(3)]
        quiet = tasks.quiet
        stage.feed.offer("e1", stage.journal.commit(1))
        stage.feed.offer("e1", stage.journal.commit(1))
        written = [reader.seq for reader in riders]
        await until(lambda: riders[0].seq == 2)

        assert (quiet, written) == (True, [0, 0, 0])
        assert [(reader.seq, reader.batches) for reader in riders] == [(2, 1)] * 3
        assert (tasks.quiet, stage.journal.reads) == (True, 0)


async def test_one_that_stalls_goes_on_from_the_ring_when_it_can_and_the_others_do_not_wait() -> None:
    async with TaskScope() as tasks:
        stage = Stage(tasks)
        slow, fast = stage.join(Now()), stage.join(Now())
        slow.stall()
        for n in range(1, 4):
            stage.feed.offer("e1", stage.journal.commit(1))
            await until(lambda n=n: fast.seq == n)  # type: ignore[misc]
        held = slow.seq
        slow.go_on()
        await until(lambda: slow.seq == 3 and tasks.quiet)

        assert (held, slow.batches, stage.journal.reads) == (0, 1, 0)


async def test_more_at_once_than_the_ring_holds_reaches_the_riders_from_the_log() -> None:
    async with TaskScope() as tasks:
        stage = Stage(tasks)
        riders = [stage.join(Now()) for _ in range(5)]
        stage.feed.offer("e1", stage.journal.commit(7))
        await until(lambda: {reader.seq for reader in riders} == {7} and tasks.quiet)

        assert stage.journal.reads == 1


async def test_a_watch_that_is_ended_is_written_nothing_more() -> None:
    async with TaskScope() as tasks:
        stage = Stage(tasks)
        stage.join(Now())
        stage.feed.offer("e1", stage.journal.commit(1))
        stage.readers[0].watch.end("revoked")
        for _ in range(10):
            await asyncio.sleep(0)

        assert (stage.readers[0].ended, stage.readers[0].seq) == ("revoked", 0)


async def test_a_deleted_channel_ends_its_watches_and_those_that_come_too_late() -> None:
    async with TaskScope() as tasks:
        stage = Stage(tasks)
        rider, behind = stage.join(Now()), stage.join(Now())
        behind.stall()
        stage.feed.offer("e1", stage.journal.commit(1))
        await until(lambda: rider.seq == 1)
        stage.feed.delete()
        late = stage.join(Now())
        await until(lambda: tasks.quiet)

        assert [reader.ended for reader in (rider, behind, late)] == ["deleted"] * 3


async def test_a_channel_that_is_gone_from_the_log_ends_who_reads_there() -> None:
    async with TaskScope() as tasks:
        stage = Stage(tasks)
        stage.journal.commit(6)
        stage.journal.deleted = True
        reader = stage.join(After(0))
        await until(lambda: reader.ended is not None)

        assert (reader.ended, reader.seq) == ("deleted", 0)


async def test_what_is_committed_during_the_first_look_does_not_wait_for_the_poll() -> None:
    async with TaskScope() as tasks:
        stage = Stage(tasks)
        looked = stage.journal.extent
        stage.feed.offer("e1", stage.journal.commit(1))
        stage.feed.observe(looked, asyncio.get_running_loop().time())
        watch = Watch(stage.feed, ANONYMOUS)
        watch.begin(Now(), looked)
        reader = Reader(watch)
        watch.follow(reader, reader.tell)
        await until(lambda: reader.seq == 1)


async def test_who_begins_now_begins_after_all_that_has_come_and_nobody_is_passed_over() -> None:
    async with TaskScope() as tasks:
        stage = Stage(tasks)
        rider = stage.join(Now())
        stage.feed.offer("e1", stage.journal.commit(2))
        extent = stage.feed.extent
        assert extent is not None
        watch = Watch(stage.feed, ANONYMOUS)
        watch.begin(Now(), extent)
        late = Reader(watch)
        watch.follow(late, late.tell)
        stage.feed.offer("e1", stage.journal.commit(1))
        await until(lambda: rider.seq == late.seq == 3 and tasks.quiet)

        assert (extent.last, late.seqs, stage.journal.reads) == (2, [3], 0)
