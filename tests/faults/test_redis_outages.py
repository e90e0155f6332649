"""Redis carries hints only: if it is stopped, emptied, cut off or unresponsive, updates are late and never lost."""

import asyncio
import time

import pytest
import redis

from tests.faults.conftest import OpenHubs
from tests.faults.traffic import Traffic, traffic
from tests.support.process import HubProcess
from tests.support.proxy import Proxy
from tests.support.publisher import Publisher
from tests.support.redis import Redis
from tests.support.watcher import Watcher, all_seen
from tests.support.ways import Way

POLL = 0.4  # seconds; an unresponsive subscription is detected after three polls
TEN_POLLS = 10 * POLL
LAG = 4.0  # seconds; the poll finds every update within a second at most, and the test machine is busy
QUICK = 0.3  # seconds; the shortest poll here takes longer when one update follows the other


async def endure(running: Traffic, seconds: float) -> None:
    """For that long, each update that a hub answered reaches every watcher of every hub within `LAG`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        newest = max(seq for publisher in running.publishers for seq in publisher.seqs[-1:])
        await all_seen(running.watchers, newest, within=LAG)
        await running.more(10)


async def hints_flow(first: HubProcess, second: HubProcess, *, within: float) -> None:
    """Wait until five updates in a row reached the other hub faster than by the poll."""
    async with (
        Publisher(first.url, channel="lobby") as publisher,
        Watcher(second.url, channel="lobby", after=None) as watcher,
    ):
        await watcher.live()
        delays: list[float] = []
        deadline = time.monotonic() + within
        while len(delays) < 5 or max(delays[-5:]) > QUICK:
            assert time.monotonic() < deadline, f"no hints for {within} s, only the poll: {delays}"
            answer = await publisher.publish()
            began = time.monotonic()
            await watcher.seen(answer.seq)
            delays.append(time.monotonic() - began)


@pytest.mark.timeout(90)
async def test_a_stopped_redis_loses_no_update(two_hubs: OpenHubs, postgres_url: str, own_redis: Redis) -> None:
    ways = (Way.PLAIN, Way.UVLOOP)
    async with two_hubs(postgres_url, own_redis.url, ways, poll_interval=POLL) as (first, second):
        async with traffic(first.url, second.url) as running:
            await running.more(50)
            await asyncio.to_thread(own_redis.stop)
            await endure(running, TEN_POLLS)
            await asyncio.to_thread(own_redis.start)
            await running.more(50)

        assert all(watcher.connections == 1 for watcher in running.watchers)
        await hints_flow(first, second, within=20)


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    ("to_server", "ways"),
    [(True, (Way.DIRECT, Way.DIRECT)), (False, (Way.UVLOOP, Way.PLAIN))],
    ids=["both ways", "towards the hubs"],
)
async def test_an_unresponsive_redis_loses_no_update(
    two_hubs: OpenHubs,
    postgres_url: str,
    own_redis: Redis,
    to_server: bool,
    ways: tuple[Way, Way],
) -> None:
    async with (
        Proxy(own_redis.port) as proxy,
        two_hubs(postgres_url, proxy.url(own_redis.url), ways, poll_interval=POLL) as (first, second),
    ):
        async with traffic(first.url, second.url) as running:
            await running.more(50)
            proxy.swallow(to_server=to_server)
            await endure(running, TEN_POLLS)
            await proxy.pass_on()
            await running.more(50)

        assert proxy.swallowed_bytes > 0
        assert all(watcher.connections == 1 for watcher in running.watchers)
        await hints_flow(first, second, within=20)


@pytest.mark.timeout(60)
async def test_an_emptied_redis_that_disconnects_its_clients_loses_no_update(
    two_hubs: OpenHubs, postgres_url: str, own_redis: Redis
) -> None:
    async with two_hubs(postgres_url, own_redis.url) as (first, second):
        async with traffic(first.url, second.url, watchers=12) as running:
            for _ in range(4):
                await running.more(50)
                own_redis.flush()
                with redis.Redis.from_url(own_redis.url, socket_timeout=5) as client:
                    client.client_kill_filter(_type="pubsub", skipme=True)
            await running.more(50)

        await hints_flow(first, second, within=20)


@pytest.mark.timeout(60)
async def test_updates_of_a_redis_outage_arrive_after_it_without_the_poll(
    two_hubs: OpenHubs, postgres_url: str, own_redis: Redis
) -> None:
    """With a poll of a minute, updates published during an outage are delivered after the reconnect to Redis."""
    async with (
        two_hubs(postgres_url, own_redis.url, poll_interval=60) as (first, second),
        Publisher(first.url, channel="lobby") as publisher,
        Watcher(second.url, channel="lobby", after=0) as watcher,
    ):
        await watcher.live()
        await asyncio.to_thread(own_redis.stop)
        await publisher.publish_many(20)
        await asyncio.to_thread(own_redis.start)
        await watcher.seen(20, within=15)
        await publisher.publish()
        await watcher.seen(21, within=10)

        watcher.assert_whole(21)
