"""Several workers: one that is killed is replaced, and a failure that lasts ends the hub with a status."""

import os
import signal
from pathlib import Path

from tests.support.hub_ways import until
from tests.support.process import HubProcess, hub_process
from tests.support.publisher import Publisher
from tests.support.watcher import Watcher


def workers(hub: HubProcess) -> set[int]:
    """The worker processes of the hub, without multiprocessing's own."""
    children = Path(f"/proc/{hub.pid}/task/{hub.pid}/children").read_text().split()
    return {int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()}


async def test_a_killed_worker_is_replaced_and_no_update_is_missed(tmp_path: Path, redis_url: str) -> None:
    settings = {"TIDEWIRE_WORKERS": "2", "TIDEWIRE_REDIS_URL": redis_url, "TIDEWIRE_RATE_LIMITS": "off"}
    async with (
        hub_process(tmp_path, settings) as hub,
        Watcher(hub.url, channel="lobby", after=0) as one,
        Watcher(hub.url, channel="lobby", after=0) as two,
        Publisher(hub.url, channel="lobby") as publisher,
    ):
        await one.live()
        await two.live()
        before = workers(hub)
        for victim in before:
            await publisher.publish_many(5)
            os.kill(victim, signal.SIGKILL)
        await publisher.publish_many(20)
        await until(lambda: len(workers(hub) - before) == 2)
        for watcher in (one, two):
            await watcher.seen(30)
            watcher.assert_whole(30)
        await hub.ready()
        status = await hub.stop()

    assert status == 0
    assert hub.log.count("A worker was killed by signal 9; another takes its place") == 2
    assert "Traceback" not in hub.log


async def test_workers_that_are_killed_again_and_again_end_the_hub(tmp_path: Path, redis_url: str) -> None:
    async with hub_process(tmp_path, {"TIDEWIRE_WORKERS": "2", "TIDEWIRE_REDIS_URL": redis_url}) as hub:
        killed: set[int] = set()
        for _ in range(6):
            await until(lambda: bool(workers(hub) - killed))
            killed.add(victim := max(workers(hub) - killed))
            os.kill(victim, signal.SIGKILL)
        await until(lambda: not hub.running, within=30)
        status = await hub.stop()

    assert status == 1
    assert "Workers are killed again and again (the last by signal 9); the hub ends" in hub.log


async def test_a_closed_terminal_ends_no_worker(tmp_path: Path, redis_url: str) -> None:
    async with hub_process(tmp_path, {"TIDEWIRE_WORKERS": "2", "TIDEWIRE_REDIS_URL": redis_url}) as hub:
        before = workers(hub)
        for pid in (hub.pid, *before):  # A terminal's SIGHUP reaches each of them.
            os.kill(pid, signal.SIGHUP)
        async with Publisher(hub.url, channel="lobby") as publisher:
            await publisher.publish_many(20)
        after, status = workers(hub), await hub.stop()

    assert (len(before), after, status) == (2, before, 0)
    warnings = [line for line in hub.log.splitlines() if "WARNING" in line or "ERROR" in line]
    assert [line for line in warnings if "This hub has no user yet" not in line] == []
    assert len(warnings) == 1  # Of two workers, one makes the setup link.
