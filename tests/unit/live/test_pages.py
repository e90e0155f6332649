"""Watchers that are behind share what is read: one query for all, and none for what is in memory."""

from app.model.position import After, Now
from app.tasks import TaskScope
from tests.unit.live.live_model import LiveModel, until


async def test_readers_at_one_position_share_one_query() -> None:
    async with TaskScope() as tasks:
        model = LiveModel(tasks)
        model.journal.commit(6)
        for _ in range(100):
            model.join(After(0))
        await until(lambda: {reader.seq for reader in model.readers} == {6})

        assert model.journal.reads == 1


async def test_a_reader_that_needs_the_page_later_gets_it_without_a_query() -> None:
    async with TaskScope() as tasks:
        model = LiveModel(tasks)
        model.journal.commit(6)
        for _ in range(3):
            reader = model.join(After(0))
            await until(lambda reader=reader: reader.seq == 6)  # type: ignore[misc]

        assert model.journal.reads == 1


async def test_a_page_of_an_emptied_log_is_not_served() -> None:
    async with TaskScope() as tasks:
        model = LiveModel(tasks)
        model.journal.commit(6)
        first = model.join(After(0))
        await until(lambda: first.seq == 6)
        model.journal.empty()
        model.journal.commit(2)
        late = model.join(After(0))
        await until(lambda: late.seq == first.seq == 2 and tasks.quiet)

        assert (late.epoch, late.seqs) == ("e2", [1, 2])


async def test_a_reader_that_resumes_within_the_ring_costs_no_query() -> None:
    async with TaskScope() as tasks:
        model = LiveModel(tasks)
        model.join(Now())
        model.feed.offer("e1", model.journal.commit(4))
        starts = [After(1, "e1"), After(4, "e1"), After(2), After(5, "e1"), After(1, "e0"), After(0, "e1")]
        served = [model.feed.serves(start) for start in starts]
        model.feed.offer("e1", model.journal.commit(3))
        served_later = model.feed.serves(After(1, "e1"))
        resumed = model.resume(After(3, "e1"))
        await until(lambda: resumed.seq == 7 and tasks.quiet)

        assert served == [True, True, True, False, False, True]
        assert (served_later, resumed.seqs, model.journal.reads) == (False, [4, 5, 6, 7], 0)
