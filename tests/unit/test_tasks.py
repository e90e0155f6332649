"""A task scope: nothing outlives it, and no failure in it is silent or spreads."""

import asyncio
import inspect
import logging

import pytest

from app.tasks import TaskScope


async def test_a_task_ends_before_its_scope_does() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # Its own tidying may take turns of the loop.
            ended.append("work")

    async with TaskScope() as tasks:
        task = tasks.spawn(work(), "work")
        await asyncio.sleep(0)
        ended.append("scope")

    assert (ended, task.cancelled()) == (["scope", "work"], True)


async def test_a_failure_is_logged_with_the_task_s_name_and_leaves_its_neighbours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    goes_on = asyncio.Event()

    async def fail() -> None:
        raise ValueError("broken on purpose")

    async def go_on() -> None:
        await asyncio.sleep(0)
        goes_on.set()

    with caplog.at_level(logging.ERROR, "tidewire.tasks"):
        async with TaskScope() as tasks:
            tasks.spawn(fail(), "the failing one")
            tasks.spawn(go_on(), "the other one")
            async with asyncio.timeout(5):
                await goes_on.wait()

    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("tidewire.tasks", "Task the failing one failed")
    ]
    assert "broken on purpose" in caplog.text


async def test_a_task_that_ends_by_itself_is_let_go(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        return None

    async with TaskScope() as tasks:
        task = tasks.spawn(work(), "work")
        await task

        assert tasks._tasks == set()
    assert caplog.records == []


async def test_a_failure_while_it_is_ended_is_logged_and_nothing_is_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("could not tidy up")

    async with TaskScope() as tasks:
        tasks.spawn(work(), "untidy")
        await asyncio.sleep(0)

    assert "Task untidy failed" in caplog.text


async def test_nothing_is_started_after_the_end() -> None:
    ran = []

    async def work() -> None:
        ran.append(1)

    tasks = TaskScope()
    async with tasks:
        pass
    late = work()

    with pytest.raises(RuntimeError, match="late one was started after its owner had ended"):
        tasks.spawn(late, "late one")
    await asyncio.sleep(0)
    assert (ran, inspect.getcoroutinestate(late)) == ([], inspect.CORO_CLOSED)


async def test_an_owner_s_own_failure_ends_the_tasks_and_goes_on() -> None:
    started: list[asyncio.Task[None]] = []

    async def own() -> None:
        async with TaskScope() as tasks:
            started.append(tasks.spawn(asyncio.Event().wait(), "waiting"))  # type: ignore[arg-type]
            raise ValueError("the owner's")

    with pytest.raises(ValueError, match="the owner's"):
        await own()
    assert started[0].cancelled()


async def test_a_scope_may_be_left_by_another_task_than_entered_it() -> None:
    """ASGI's lifespan does so, which asyncio.TaskGroup forbids."""
    tasks = TaskScope()
    await asyncio.create_task(tasks.__aenter__())
    task = tasks.spawn(asyncio.Event().wait(), "waiting")  # type: ignore[arg-type]
    await asyncio.create_task(tasks.__aexit__(None, None, None))

    assert task.cancelled()
