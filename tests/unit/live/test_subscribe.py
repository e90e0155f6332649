"""The invariants of the live part: past and future join without a seam, whatever becomes of the hints."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from app.live.events import EndReason
from app.live.watch import Watch
from app.model.access import ANONYMOUS
from app.model.position import After, Now
from app.tasks import TaskScope
from tests.unit.live.live_model import LiveModel, Reader, until

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
            model = LiveModel(tasks)
            model.join(Now())
            for name, number, turns in steps:
                model.act((name, number))
                for _ in range(turns):
                    await asyncio.sleep(0)
            model.observe()  # The poll, at last.
            newest = (model.journal.epoch, len(model.journal.entries))
            for reader in model.readers:
                reader.go_on()
            await until(lambda: {(reader.epoch, reader.seq) for reader in model.readers} == {newest})
            await until(lambda: tasks.quiet)  # All are live, and cost no task.
            model.feed.close()

    asyncio.run(play())


async def test_riders_are_written_what_came_in_one_turn_as_one_batch_and_cost_no_task() -> None:
    async with TaskScope() as tasks:
        model = LiveModel(tasks)
        live = [model.join(Now()) for _ in range(3)]
        quiet = tasks.quiet
        model.feed.offer("e1", model.journal.commit(1))
        model.feed.offer("e1", model.journal.commit(1))
        written = [reader.seq for reader in live]
        await until(lambda: live[0].seq == 2)

        assert (quiet, written) == (True, [0, 0, 0])
        assert [(reader.seq, reader.batches) for reader in live] == [(2, 1)] * 3
        assert (tasks.quiet, model.journal.reads) == (True, 0)


async def test_one_that_stalls_goes_on_from_the_ring_when_it_can_and_the_others_do_not_wait() -> None:
    async with TaskScope() as tasks:
        model = LiveModel(tasks)
        slow, fast = model.join(Now()), model.join(Now())
        slow.stall()
        for n in range(1, 4):
            model.feed.offer("e1", model.journal.commit(1))
            await until(lambda n=n: fast.seq == n)  # type: ignore[misc]
        held = slow.seq
        slow.go_on()
        await until(lambda: slow.seq == 3 and tasks.quiet)

        assert (held, slow.batches, model.journal.reads) == (0, 1, 0)


async def test_more_at_once_than_the_ring_holds_reaches_the_riders_from_the_log() -> None:
    async with TaskScope() as tasks:
        model = LiveModel(tasks)
        live = [model.join(Now()) for _ in range(5)]
        model.feed.offer("e1", model.journal.commit(7))
        await until(lambda: {reader.seq for reader in live} == {7} and tasks.quiet)

        assert model.journal.reads == 1


async def test_a_watch_that_is_ended_is_written_nothing_more() -> None:
    async with TaskScope() as tasks:
        model = LiveModel(tasks)
        model.join(Now())
        model.feed.offer("e1", model.journal.commit(1))
        model.readers[0].watch.end(EndReason.REVOKED)
        for _ in range(10):
            await asyncio.sleep(0)

        assert (model.readers[0].ended, model.readers[0].seq) == (EndReason.REVOKED, 0)


async def test_a_deleted_channel_ends_its_watches_and_those_that_come_too_late() -> None:
    async with TaskScope() as tasks:
        model = LiveModel(tasks)
        live, behind = model.join(Now()), model.join(Now())
        behind.stall()
        model.feed.offer("e1", model.journal.commit(1))
        await until(lambda: live.seq == 1)
        model.feed.delete()
        late = model.join(Now())
        await until(lambda: tasks.quiet)

        assert [reader.ended for reader in (live, behind, late)] == ["deleted"] * 3


async def test_a_channel_that_is_gone_from_the_log_ends_who_reads_there() -> None:
    async with TaskScope() as tasks:
        model = LiveModel(tasks)
        model.journal.commit(6)
        model.journal.deleted = True
        reader = model.join(After(0))
        await until(lambda: reader.ended is not None)

        assert (reader.ended, reader.seq) == ("deleted", 0)


async def test_what_is_committed_during_the_first_look_does_not_wait_for_the_poll() -> None:
    async with TaskScope() as tasks:
        model = LiveModel(tasks)
        looked = model.journal.extent
        model.feed.offer("e1", model.journal.commit(1))
        model.feed.observe(looked, asyncio.get_running_loop().time())
        watch = Watch(model.feed, ANONYMOUS, model.feed.watches.discard)
        watch.begin(Now(), looked)
        reader = Reader(watch)
        watch.follow(reader, reader.notify)
        await until(lambda: reader.seq == 1)


async def test_who_begins_now_begins_after_all_that_has_come_and_nobody_is_passed_over() -> None:
    async with TaskScope() as tasks:
        model = LiveModel(tasks)
        live = model.join(Now())
        model.feed.offer("e1", model.journal.commit(2))
        extent = model.feed.extent
        assert extent is not None
        watch = Watch(model.feed, ANONYMOUS, model.feed.watches.discard)
        watch.begin(Now(), extent)
        late = Reader(watch)
        watch.follow(late, late.notify)
        model.feed.offer("e1", model.journal.commit(1))
        await until(lambda: live.seq == late.seq == 3 and tasks.quiet)

        assert (extent.last, late.seqs, model.journal.reads) == (2, [3], 0)
