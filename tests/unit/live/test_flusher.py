"""The flusher: an idle hub writes in the next pass, a busy one in batches, and no watcher waits for long."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.live.flusher import Flusher
from tests.support.clockwork import ClockworkLoop, run

LONGEST = 0.02  # seconds that a pause takes at most
FINE = 1e-6


class Writer:
    """Something to be flushed, at a cost: it notes when that was, and what it wrote."""

    def __init__(self, flusher: Flusher, cost: float = 0.0, then: Callable[[], None] = lambda: None) -> None:
        self.times: list[float] = []
        self.batches: list[list[int]] = []
        self._flusher, self._cost, self._then = flusher, cost, then
        self._scheduled: list[int] = []

    def add(self, number: int) -> None:
        """Schedule a number to be written."""
        self._scheduled.append(number)
        self._flusher.schedule(self)

    def flush(self) -> int:
        """Write what was added."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ClockworkLoop)
        self.times.append(loop.time())
        batch, self._scheduled = self._scheduled, []
        self.batches.append(batch)
        loop.work(self._cost)
        self._then()
        return len(batch)


async def passes(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_an_idle_hub_writes_in_the_next_pass_and_no_sooner() -> None:
    async def play() -> None:
        writer = Writer(Flusher())
        for number in range(3):
            writer.add(number)
            sooner = len(writer.batches)
            await passes(1)
            assert (sooner, len(writer.batches)) == (number, number + 1)
            await asyncio.sleep(1)

        assert writer.batches == [[0], [1], [2]]

    run(play())


def test_updates_of_one_pass_are_written_together() -> None:
    async def play() -> None:
        writer = Writer(Flusher())
        for number in range(5):
            writer.add(number)
        await passes(1)

        assert writer.batches == [[0, 1, 2, 3, 4]]

    run(play())


@pytest.mark.parametrize(
    ("updates", "cost", "pause"),
    [
        (1, 0.002, 0.001125),  # Half as long, and a sixteenth.
        (2, 0.004, 0.0035),
        (8, 0.004, 0.00575),
        (16, 0.004, 0.007875),
        (50, 0.004, 0.008),
        (1, 0.5, LONGEST),
        (9, 0.03, LONGEST),
    ],
)
def test_a_busy_hub_pauses_the_longer_the_more_it_wrote_and_never_over_20_ms(
    updates: int, cost: float, pause: float
) -> None:
    async def play() -> None:
        loop = asyncio.get_running_loop()
        writer = Writer(Flusher(), cost)
        for number in range(-updates, 0):
            writer.add(number)
        await passes(2)
        written = loop.time()
        for number in range(1, 100):
            writer.add(number)
            await asyncio.sleep(pause / 1000)
        await asyncio.sleep(pause)

        assert writer.batches == [list(range(-updates, 0)), list(range(1, 100))]
        assert writer.times[1] - written == pytest.approx(pause, abs=FINE)

    run(play())


@given(st.lists(st.tuples(st.floats(0, 0.05), st.floats(0, 0.05)), min_size=1, max_size=40))
def test_no_update_waits_longer_than_one_flush_and_its_pause(steps: list[tuple[float, float]]) -> None:
    """Each update is written once and in order, whenever it is added and whatever a flush costs."""

    async def play() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ClockworkLoop)
        flusher = Flusher()
        writer = Writer(flusher)
        added: list[float] = []
        worst = 0.0
        for number, (cost, gap) in enumerate(steps):
            writer._cost = cost
            added.append(loop.time())
            writer.add(number)
            worst = max(worst, cost)
            await asyncio.sleep(gap)
        await asyncio.sleep(1)
        written = {number: at for at, batch in zip(writer.times, writer.batches, strict=True) for number in batch}

        assert [number for batch in writer.batches for number in batch] == list(range(len(steps)))
        assert all(written[number] - at <= 2 * worst + LONGEST + FINE for number, at in enumerate(added))

    run(play())


def test_all_writers_that_are_due_share_one_pause() -> None:
    async def play() -> None:
        flusher = Flusher()
        writers = [Writer(flusher, 0.004) for _ in range(3)]
        for _ in range(2):
            for number, writer in enumerate(writers):
                writer.add(number)
            await asyncio.sleep(0.013)
        await asyncio.sleep(1)

        # Three flushes of 4 ms of a single update each, then a pause of 6.75 ms, in which all were scheduled again.
        starts = [writer.times for writer in writers]
        assert starts == [
            pytest.approx([0.0, 0.01875]), pytest.approx([0.004, 0.02275]), pytest.approx([0.008, 0.02675])
        ]  # fmt: skip

    run(play())


def test_a_writer_that_fails_stops_neither_the_others_nor_the_next_flush(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("broken")

    async def play() -> None:
        flusher = Flusher()
        broken, whole = Writer(flusher, then=fail), Writer(flusher)
        for number in range(2):
            broken.add(number)
            whole.add(number)
            await passes(3)

        assert whole.batches == [[0], [1]]
        assert len(broken.batches) == 2

    run(play())
    assert [str(record.exc_info and record.exc_info[1]) for record in caplog.records] == ["broken"] * 2


def test_an_update_added_during_a_flush_waits_for_the_next() -> None:
    async def play() -> None:
        flusher = Flusher()
        again = Writer(flusher, 0.003)
        first = Writer(flusher, 0.001, lambda: again.add(1))
        again.add(0)
        first.add(0)
        await asyncio.sleep(1)

        assert again.batches == [[0], [1]]
        assert again.times == [0.0, pytest.approx(0.00625)]

    run(play())


def test_a_forgotten_writer_is_not_flushed_until_it_is_scheduled_again() -> None:
    async def play() -> None:
        flusher = Flusher()
        forgotten, kept = Writer(flusher), Writer(flusher)
        forgotten.add(0)
        kept.add(0)
        flusher.forget(forgotten)
        flusher.forget(forgotten)
        await passes(3)
        before = list(forgotten.batches)
        forgotten.add(1)
        await passes(3)

        assert (before, kept.batches, forgotten.batches) == ([], [[0]], [[0, 1]])

    run(play())


def test_an_idle_flusher_sets_no_timer() -> None:
    async def play() -> None:
        loop = asyncio.get_running_loop()
        writer = Writer(Flusher(), 0.01)
        writer.add(0)
        await passes(3)
        began = loop.time()
        # Nothing is due any more: without this timer the loop would wait for ever.
        await asyncio.sleep(60)

        assert loop.time() - began == pytest.approx(60)
        assert len(writer.batches) == 1

    run(play())
