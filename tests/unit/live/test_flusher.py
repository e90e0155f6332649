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
    """Something to be flushed, at a cost: it notes when that was, and what had come by then."""

    def __init__(self, flusher: Flusher, cost: float = 0.0, then: Callable[[], None] = lambda: None) -> None:
        self.times: list[float] = []
        self.batches: list[list[int]] = []
        self._flusher, self._cost, self._then = flusher, cost, then
        self._come: list[int] = []

    def come(self, number: int) -> None:
        """Something to write."""
        self._come.append(number)
        self._flusher.schedule(self)

    def flush(self) -> int:
        """Write what came."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ClockworkLoop)
        self.times.append(loop.time())
        come, self._come = self._come, []
        self.batches.append(come)
        loop.work(self._cost)
        self._then()
        return len(come)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_an_idle_hub_writes_in_the_next_turn_and_no_sooner() -> None:
    async def play() -> None:
        writer = Writer(Flusher())
        for number in range(3):
            writer.come(number)
            sooner = len(writer.batches)
            await turns(1)
            assert (sooner, len(writer.batches)) == (number, number + 1)
            await asyncio.sleep(1)

        assert writer.batches == [[0], [1], [2]]

    run(play())


def test_what_comes_in_one_turn_is_written_together() -> None:
    async def play() -> None:
        writer = Writer(Flusher())
        for number in range(5):
            writer.come(number)
        await turns(1)

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
def test_a_busy_hub_rests_the_longer_the_more_it_wrote_and_never_over_20_ms(
    updates: int, cost: float, pause: float
) -> None:
    async def play() -> None:
        loop = asyncio.get_running_loop()
        writer = Writer(Flusher(), cost)
        for number in range(-updates, 0):
            writer.come(number)
        await turns(2)
        written = loop.time()
        for number in range(1, 100):
            writer.come(number)
            await asyncio.sleep(pause / 1000)
        await asyncio.sleep(pause)

        assert writer.batches == [list(range(-updates, 0)), list(range(1, 100))]
        assert writer.times[1] - written == pytest.approx(pause, abs=FINE)

    run(play())


@given(st.lists(st.tuples(st.floats(0, 0.05), st.floats(0, 0.05)), min_size=1, max_size=40))
def test_nothing_waits_longer_than_one_flush_and_its_pause(steps: list[tuple[float, float]]) -> None:
    """Whatever comes whenever, at whatever cost: it is written once, in order, and soon."""

    async def play() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ClockworkLoop)
        flusher = Flusher()
        writer = Writer(flusher)
        came: list[float] = []
        worst = 0.0
        for number, (cost, gap) in enumerate(steps):
            writer._cost = cost
            came.append(loop.time())
            writer.come(number)
            worst = max(worst, cost)
            await asyncio.sleep(gap)
        await asyncio.sleep(1)
        written = {number: at for at, batch in zip(writer.times, writer.batches, strict=True) for number in batch}

        assert [number for batch in writer.batches for number in batch] == list(range(len(steps)))
        assert all(written[number] - at <= 2 * worst + LONGEST + FINE for number, at in enumerate(came))

    run(play())


def test_all_that_is_due_is_one_tick_and_rests_once() -> None:
    async def play() -> None:
        flusher = Flusher()
        writers = [Writer(flusher, 0.004) for _ in range(3)]
        for _ in range(2):
            for number, writer in enumerate(writers):
                writer.come(number)
            await asyncio.sleep(0.013)
        await asyncio.sleep(1)

        # Three flushes of 4 ms of a single update each, then a rest of 6.75 ms, in which all came again.
        starts = [writer.times for writer in writers]
        assert starts == [
            pytest.approx([0.0, 0.01875]), pytest.approx([0.004, 0.02275]), pytest.approx([0.008, 0.02675])
        ]  # fmt: skip

    run(play())


def test_one_that_fails_does_not_stop_the_others_nor_the_clock(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("broken")

    async def play() -> None:
        flusher = Flusher()
        broken, whole = Writer(flusher, then=fail), Writer(flusher)
        for number in range(2):
            broken.come(number)
            whole.come(number)
            await turns(3)

        assert whole.batches == [[0], [1]]
        assert len(broken.batches) == 2

    run(play())
    assert [str(record.exc_info and record.exc_info[1]) for record in caplog.records] == ["broken"] * 2


def test_what_comes_while_all_is_written_waits_for_the_next_tick() -> None:
    async def play() -> None:
        flusher = Flusher()
        again = Writer(flusher, 0.003)
        first = Writer(flusher, 0.001, lambda: again.come(1))
        again.come(0)
        first.come(0)
        await asyncio.sleep(1)

        assert again.batches == [[0], [1]]
        assert again.times == [0.0, pytest.approx(0.00625)]

    run(play())


def test_what_is_forgotten_is_not_written_and_may_come_again() -> None:
    async def play() -> None:
        flusher = Flusher()
        gone, stays = Writer(flusher), Writer(flusher)
        gone.come(0)
        stays.come(0)
        flusher.forget(gone)
        flusher.forget(gone)
        await turns(3)
        before = list(gone.batches)
        gone.come(1)
        await turns(3)

        assert (before, stays.batches, gone.batches) == ([], [[0]], [[0, 1]])

    run(play())


def test_a_hub_without_news_sets_no_timer() -> None:
    async def play() -> None:
        loop = asyncio.get_running_loop()
        writer = Writer(Flusher(), 0.01)
        writer.come(0)
        await turns(3)
        began = loop.time()
        # Nothing is due any more: the loop would wait for ever, if this very timer were not the next.
        await asyncio.sleep(60)

        assert loop.time() - began == pytest.approx(60)
        assert len(writer.batches) == 1

    run(play())
