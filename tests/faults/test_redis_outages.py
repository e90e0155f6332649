"""Redis is a hint: stopped, emptied, cut off or deaf, it costs time and never an update."""

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

LAG = 4.0  # seconds; the poll finds everything after one (the default), and the machine that judges is busy
QUICK = 0.3  # seconds; the shortest poll here takes longer when one update follows the other


async def endure(running: Traffic, seconds: float) -> None:
    """All the while, whatever was answered on any hub is seen by every watcher of every hub after `LAG`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        newest = max(seq for publisher in running.publishers for seq in publisher.seqs[-1:])
        await all_seen(running.watchers, newest, within=LAG)
        await running.more(10)


async def hints_flow(first: HubProcess, second: HubProcess, *, within: float) -> None:
    """Wait until five updates in a row came from one hub to the other faster than the poll can bring them."""
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
async def test_redis_stopped(two_hubs: OpenHubs, postgres_url: str, own_redis: Redis) -> None:
    async with two_hubs(postgres_url, own_redis.url, (Way.PLAIN, Way.UVLOOP)) as (first, second):
        async with traffic(first.url, second.url) as running:
            await running.more(50)
            await asyncio.to_thread(own_redis.stop)
            await endure(running, 10)
            await asyncio.to_thread(own_redis.start)
            await running.more(50)

        assert all(watcher.connections == 1 for watcher in running.watchers)
        await hints_flow(first, second, within=20)


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    ("to_server", "seconds", "poll_interval", "ways"),
    [
        (True, 10, 1.0, (Way.DIRECT, Way.DIRECT)),
        (False, 4, 0.4, (Way.UVLOOP, Way.PLAIN)),
    ],  # Ten polls either way; a deaf subscription is noticed after three.
    ids=["both ways", "towards the hubs"],
)
async def test_redis_gone_deaf(
    two_hubs: OpenHubs,
    postgres_url: str,
    own_redis: Redis,
    to_server: bool,
    seconds: float,
    poll_interval: float,
    ways: tuple[Way, Way],
) -> None:
    async with (
        Proxy(own_redis.port) as proxy,
        two_hubs(postgres_url, proxy.url(own_redis.url), ways, poll_interval=poll_interval) as (first, second),
    ):
        async with traffic(first.url, second.url) as running:
            await running.more(50)
            proxy.swallow(to_server=to_server)
            await endure(running, seconds)
            await proxy.pass_on()
            await running.more(50)

        assert proxy.swallowed_bytes > 0
        assert all(watcher.connections == 1 for watcher in running.watchers)
        await hints_flow(first, second, within=20)


@pytest.mark.timeout(60)
async def test_redis_emptied_and_its_clients_thrown_out(
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
async def test_a_returning_redis_is_found_without_the_poll(
    two_hubs: OpenHubs, postgres_url: str, own_redis: Redis
) -> None:
    """With a poll of a minute, what was published during an outage comes with the new connection to Redis."""
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
