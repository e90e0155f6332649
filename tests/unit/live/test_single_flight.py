"""SingleFlight: concurrent callers share one load, its failure included, and a few of them continue a pass."""

import asyncio
from itertools import pairwise

import pytest

from app.live.single_flight import SingleFlight
from app.tasks import TaskScope


class Load:
    """A load that ends when the test sets its result."""

    def __init__(self) -> None:
        self.begun = 0
        self.result: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.begun += 1
        return await self.result


async def test_a_thousand_callers_share_one_load_and_continue_a_few_a_pass() -> None:
    async with TaskScope() as tasks:
        loads: SingleFlight[int, str] = SingleFlight(tasks)
        load = Load()
        callers = [asyncio.ensure_future(loads.run(1, load)) for _ in range(1000)]
        await asyncio.sleep(0)
        load.result.set_result("found")
        steps = [0]
        while steps[-1] < 1000:
            await asyncio.sleep(0)
            steps.append(sum(each.done() for each in callers))

        assert load.begun == 1
        assert max(after - before for before, after in pairwise(steps)) <= 32
        assert {each.result() for each in callers} == {"found"}


async def test_a_failed_load_fails_for_all_that_wait_and_the_next_caller_retries() -> None:
    async with TaskScope() as tasks:
        loads: SingleFlight[int, str] = SingleFlight(tasks)
        load, again = Load(), Load()
        left, stays = (asyncio.ensure_future(loads.run(1, load)) for _ in range(2))
        await asyncio.sleep(0)
        left.cancel()
        load.result.set_exception(LookupError("gone"))
        with pytest.raises(LookupError):
            await stays
        again.result.set_result("found")

        assert await loads.run(1, again) == "found"
        assert left.cancelled()


async def test_the_end_of_the_scope_cancels_its_callers() -> None:
    async with TaskScope() as tasks:
        loads: SingleFlight[int, str] = SingleFlight(tasks)
        caller = asyncio.ensure_future(loads.run(1, Load()))
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await caller
