"""The law of the live part: past and future join without a seam, whatever becomes of the hints."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from app.live.watch import Watch
from app.model.access import ANONYMOUS
from app.model.position import After, Now
from app.tasks import TaskScope
from tests.unit.live.stage import Reader, Stage, until

KINDS = (
    *("commit", "commit", "commit", "deliver", "deliver", "double", "lose"),
    *("poll", "trim", "empty", "join", "return", "stall", "go on"),
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
