"""kill -9 of a hub: every answered update is stored, and its watchers resume from their positions."""

import asyncio

import aiohttp
import pytest

from tests.faults.conftest import OpenHub, OpenHubs
from tests.faults.traffic import traffic
from tests.support.process import HubProcess
from tests.support.watcher import Watcher
from tests.support.ways import Way


@pytest.mark.timeout(90)
async def test_killing_either_of_two_hubs_loses_no_update(
    two_hubs: OpenHubs, postgres_url: str, redis_url: str
) -> None:
    async with two_hubs(postgres_url, redis_url, (Way.DIRECT, Way.UVLOOP)) as (first, second):
        async with traffic(first.url, second.url) as running:
            await running.more(100)
            await first.kill()
            await running.more(150)
            await first.start()
            await running.more(30)
            await second.kill()
            await running.more(50)
            await second.start()
            await running.more(30)

        assert all(watcher.connections >= 2 for watcher in running.watchers)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("way", Way)
async def test_killing_the_only_hub_loses_no_update(sqlite_hub: OpenHub, way: Way) -> None:
    async with sqlite_hub(way) as hub:
        async with traffic(hub.url) as running:
            for _ in range(2):
                await running.more(100)
                await hub.kill()
                await hub.start()
            await running.more(30)

        assert all(watcher.connections >= 2 for watcher in running.watchers)


@pytest.mark.timeout(60)
async def test_the_watchers_of_a_killed_hub_leave_the_presence_count(
    two_hubs: OpenHubs, postgres_url: str, redis_url: str
) -> None:
    async with (
        two_hubs(postgres_url, redis_url, presence_lease=3) as (first, second),
        Watcher(first.url, channel="lobby", resume=False) as on_first,
        Watcher(second.url, channel="lobby") as on_second,
    ):
        await on_first.live()
        await on_second.live()
        await until_watching(second, 2, within=3)
        await first.kill()
        await until_watching(second, 1, within=3 + 2)


async def until_watching(hub: HubProcess, count: int, *, within: float) -> None:
    """Wait until the hub's presence count is `count`."""
    found = None
    try:
        async with asyncio.timeout(within), aiohttp.ClientSession(hub.url) as session:
            while found != count:
                async with session.get("/api/v1/channels/lobby/presence") as response:
                    found = (await response.json())["watching"]
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{found} watch after {within} s, and not {count}") from None
