"""SingleFlight: one load for all who ask meanwhile, whatever becomes of it, and a few a pass who go on."""

import asyncio
from itertools import pairwise

import pytest

from app.live.single_flight import SingleFlight
from app.tasks import TaskScope


class Load:
    """A load that lands when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.landed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.begun += 1
        return await self.landed


async def test_a_thousand_share_one_load_and_go_on_a_few_a_pass() -> None:
    async with TaskScope() as tasks:
        loads: SingleFlight[int, str] = SingleFlight(tasks)
        load = Load()
        asked = [asyncio.ensure_future(loads.run(1, load)) for _ in range(1000)]
        await asyncio.sleep(0)
        load.landed.set_result("found")
        steps = [0]
        while steps[-1] < 1000:
            await asyncio.sleep(0)
            steps.append(sum(each.done() for each in asked))

        assert load.begun == 1
        assert max(after - before for before, after in pairwise(steps)) <= 32
        assert {each.result() for each in asked} == {"found"}


async def test_what_fails_fails_for_all_who_still_wait_and_the_next_one_tries_again() -> None:
    async with TaskScope() as tasks:
        loads: SingleFlight[int, str] = SingleFlight(tasks)
        load, again = Load(), Load()
        left, stays = (asyncio.ensure_future(loads.run(1, load)) for _ in range(2))
        await asyncio.sleep(0)
        left.cancel()
        load.landed.set_exception(LookupError("gone"))
        with pytest.raises(LookupError):
            await stays
        again.landed.set_result("found")

        assert await loads.run(1, again) == "found"
        assert left.cancelled()


async def test_nobody_waits_for_a_load_whose_scope_has_ended() -> None:
    async with TaskScope() as tasks:
        loads: SingleFlight[int, str] = SingleFlight(tasks)
        asked = asyncio.ensure_future(loads.run(1, Load()))
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await asked
