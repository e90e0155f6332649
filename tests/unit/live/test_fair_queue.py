"""The fair queue: many waiters continue in order, a few a pass, and other tasks run in between."""

import asyncio

from app.live.fair_queue import WAKEUPS_PER_LOOP, FairQueue


async def test_a_single_waiter_does_not_wait() -> None:
    queue = FairQueue()
    passes = 0

    async def count() -> None:
        nonlocal passes
        while True:
            passes += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await queue.take()
    counting.cancel()

    assert passes == 0


async def test_many_waiters_continue_in_order_and_leave_the_loop_to_others() -> None:
    queue, served, per_pass = FairQueue(), [], []

    async def one(number: int) -> None:
        await queue.take()
        served.append(number)

    async with asyncio.TaskGroup() as tasks_of_many:
        for number in range(100):
            tasks_of_many.create_task(one(number))
        while len(served) < 100:
            before = len(served)
            await asyncio.sleep(0)
            per_pass.append(len(served) - before)

    assert served == list(range(100))
    assert max(per_pass) <= WAKEUPS_PER_LOOP


async def test_a_call_that_fails_does_not_stop_the_others() -> None:
    queue, served, failed = FairQueue(), [], []

    def fail() -> None:
        raise ValueError("one call")

    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context["exception"]))
    for _ in range(4):
        queue.call(lambda: None)
    queue.call(fail)
    queue.call(lambda: served.append("after it"))
    for _ in range(5):
        await asyncio.sleep(0)

    assert (served, [type(each) for each in failed]) == (["after it"], [ValueError])


async def test_a_cancelled_waiter_does_not_delay_the_others() -> None:
    queue, served = FairQueue(), []

    async def one(number: int) -> None:
        await queue.take()
        served.append(number)

    tasks = [asyncio.create_task(one(number)) for number in range(60)]
    await asyncio.sleep(0)
    for task in tasks[WAKEUPS_PER_LOOP:50]:
        task.cancel()
    await asyncio.wait(tasks, timeout=5)

    assert served == [*range(WAKEUPS_PER_LOOP), *range(50, 60)]
