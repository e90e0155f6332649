"""The invariants of the live part: past and live updates join without a gap, whatever happens to the hints."""

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
    *("commit", "commit", "commit", "deliver", "deliver", "repeat", "lose"),
    *("poll", "trim", "empty", "join", "return", "stall", "continue"),
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
            for name, number, passes in steps:
                model.act((name, number))
                for _ in range(passes):
                    await asyncio.sleep(0)
            model.observe()  # The poll, at the end.
            newest = (model.journal.epoch, len(model.journal.entries))
            for reader in model.readers:
                reader.go_on()
            await until(lambda: {(reader.epoch, reader.seq) for reader in model.readers} == {newest})
            await until(lambda: tasks.quiet)  # All are live, and cost no task.
            model.feed.close()

    asyncio.run(play())


async def test_live_watchers_are_written_the_updates_of_one_pass_as_one_batch_and_cost_no_task() -> None:
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


async def test_a_stalled_watcher_continues_from_the_ring_and_the_others_do_not_wait() -> None:
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


async def test_more_updates_than_the_ring_holds_reach_live_watchers_from_the_log() -> None:
    async with TaskScope() as tasks:
        model = LiveModel(tasks)
        live = [model.join(Now()) for _ in range(5)]
        model.feed.offer("e1", model.journal.commit(7))
        await until(lambda: {reader.seq for reader in live} == {7} and tasks.quiet)

        assert model.journal.reads == 1


async def test_nothing_is_written_to_an_ended_watch() -> None:
    async with TaskScope() as tasks:
        model = LiveModel(tasks)
        model.join(Now())
        model.feed.offer("e1", model.journal.commit(1))
        model.readers[0].watch.end(EndReason.REVOKED)
        for _ in range(10):
            await asyncio.sleep(0)

        assert (model.readers[0].ended, model.readers[0].seq) == (EndReason.REVOKED, 0)


async def test_a_deleted_channel_ends_its_watches_and_those_that_begin_later() -> None:
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


async def test_a_channel_missing_from_the_log_ends_its_watches() -> None:
    async with TaskScope() as tasks:
        model = LiveModel(tasks)
        model.journal.commit(6)
        model.journal.deleted = True
        reader = model.join(After(0))
        await until(lambda: reader.ended is not None)

        assert (reader.ended, reader.seq) == ("deleted", 0)


async def test_an_update_committed_during_the_first_read_does_not_wait_for_the_poll() -> None:
    async with TaskScope() as tasks:
        model = LiveModel(tasks)
        extent = model.journal.extent
        model.feed.offer("e1", model.journal.commit(1))
        model.feed.observe(extent, asyncio.get_running_loop().time())
        watch = Watch(model.feed, ANONYMOUS, model.feed.watches.discard)
        watch.begin(Now(), extent)
        reader = Reader(watch)
        watch.follow(reader, reader.notify)
        await until(lambda: reader.seq == 1)


async def test_a_watch_from_now_begins_after_every_offered_update_and_none_is_missed() -> None:
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
