"""A task scope: no task outlives it, and a failure in it is logged and ends no other task."""

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
            await asyncio.sleep(0)  # Its cleanup may take passes of the loop.
            ended.append("work")

    async with TaskScope() as tasks:
        task = tasks.spawn(work(), "work")
        await asyncio.sleep(0)
        ended.append("scope")

    assert (ended, task.cancelled()) == (["scope", "work"], True)


async def test_a_failure_is_logged_with_the_task_s_name_and_ends_no_other_task(
    caplog: pytest.LogCaptureFixture,
) -> None:
    other_ran = asyncio.Event()

    async def fail() -> None:
        raise ValueError("broken on purpose")

    async def set_other_ran() -> None:
        await asyncio.sleep(0)
        other_ran.set()

    with caplog.at_level(logging.ERROR, "tidewire.tasks"):
        async with TaskScope() as tasks:
            tasks.spawn(fail(), "the failing one")
            tasks.spawn(set_other_ran(), "the other one")
            async with asyncio.timeout(5):
                await other_ran.wait()

    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("tidewire.tasks", "Task the failing one failed")
    ]
    assert "broken on purpose" in caplog.text


async def test_a_task_that_ends_by_itself_is_released(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        return None

    async with TaskScope() as tasks:
        task = tasks.spawn(work(), "work")
        await task

        assert tasks._tasks == set()
    assert caplog.records == []


async def test_a_failure_during_cancellation_is_logged_and_not_raised(
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


async def test_no_task_is_started_after_the_end() -> None:
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


async def test_a_failure_of_the_owner_ends_the_tasks_and_is_raised() -> None:
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


async def test_work_that_is_kept_begins_again_after_a_failure(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.tasks.RESTART_PAUSE_S", 0)
    begun: list[int] = []

    async def work() -> None:
        begun.append(len(begun))
        if len(begun) < 3:
            raise ValueError("broken on purpose")

    async with TaskScope() as tasks:
        await tasks.keep(work, "work")

    assert begun == [0, 1, 2]
    assert caplog.text.count("Task work failed; it begins again") == 2
