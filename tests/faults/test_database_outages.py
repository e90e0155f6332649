"""The database restarts, crashes or is locked: publishers are refused in time, and no update is stored in part."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from tests.faults.conftest import OpenHub, OpenHubs
from tests.faults.invariants import history
from tests.faults.traffic import traffic
from tests.support.postgres import Postgres
from tests.support.proxy import Proxy
from tests.support.publisher import Publisher
from tests.support.watcher import Watcher
from tests.support.ways import Way

OUTAGE = 3.0  # seconds


@pytest.fixture
async def own_database(own_postgres: Postgres) -> AsyncIterator[str]:
    """The URL of a new database on the PostgreSQL that the test may stop."""
    name = await own_postgres.create_database()
    yield own_postgres.url(name)
    if own_postgres.running:
        await own_postgres.drop_database(name)


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    ("end", "ways"),
    [(Postgres.stop, (Way.DIRECT, Way.PLAIN)), (Postgres.kill, (Way.DIRECT, Way.UVLOOP))],
    ids=["restarted", "crashed"],
)
async def test_a_postgresql_outage_loses_no_update(
    two_hubs: OpenHubs,
    own_postgres: Postgres,
    own_database: str,
    redis_url: str,
    end: Callable[[Postgres], None],
    ways: tuple[Way, Way],
) -> None:
    async with two_hubs(own_database, redis_url, ways) as (first, second):
        async with traffic(first.url, second.url) as running:
            await running.more(50)
            await asyncio.to_thread(end, own_postgres)
            await asyncio.sleep(OUTAGE)
            await asyncio.to_thread(own_postgres.start)
            await running.more(50)
            await asyncio.to_thread(end, own_postgres)
            await asyncio.to_thread(own_postgres.start)
            await running.more(50)

        refused = [failure for publisher in running.publishers for failure in publisher.failures]
        assert any(failure.endswith(": 503") for failure in refused)
        # The outage affects publishers only: every watcher stays connected.
        assert all(watcher.connections == 1 for watcher in running.watchers)


@pytest.mark.timeout(120)
async def test_an_unresponsive_postgresql_loses_no_update(
    two_hubs: OpenHubs, own_postgres: Postgres, own_database: str, redis_url: str
) -> None:
    """It receives data and answers nothing, and it does not notice a closed connection: a transaction left open there
    locks the channel's row, until PostgreSQL itself ends it."""
    async with (
        Proxy(own_postgres.port) as proxy,
        two_hubs(proxy.url(own_database), redis_url, commit_timeout=1, query_timeout=1) as (first, second),
    ):
        async with traffic(first.url, second.url, watchers=12) as running:
            await running.more(30)
            proxy.swallow()
            await asyncio.sleep(OUTAGE)
            await proxy.pass_on()
            # Each unresponsive connection is detected by a query on it.
            await running.more(50, within=60)

        assert proxy.swallowed_bytes > 0
        assert all(watcher.connections == 1 for watcher in running.watchers)


@pytest.mark.timeout(60)
async def test_a_watcher_during_an_outage_is_refused_and_the_others_continue_after_it(
    two_hubs: OpenHubs, own_postgres: Postgres, own_database: str, redis_url: str
) -> None:
    async with (
        two_hubs(own_database, redis_url) as (first, second),
        Publisher(first.url, second.url, channel="lobby") as publisher,
        Watcher(first.url, channel="lobby", after=0) as watcher,
    ):
        await publisher.publish_many(5)
        await watcher.seen(5)
        await asyncio.to_thread(own_postgres.stop)
        publishing = asyncio.create_task(publisher.publish())
        async with Watcher(second.url, channel="lobby", after=2) as refused:
            assert (await refused.message("error"))["code"] == "unavailable"
        await asyncio.to_thread(own_postgres.start)
        answer = await publishing
        await watcher.seen(answer.seq)

        watcher.assert_whole(6)


@pytest.mark.timeout(60)
async def test_publishes_to_a_locked_sqlite_are_refused_in_time_and_not_stored(
    sqlite_hub: OpenHub, tmp_path: Path
) -> None:
    async with (
        sqlite_hub(commit_timeout=0.5) as hub,
        aiohttp.ClientSession(hub.url) as session,
        Watcher(hub.url, channel="lobby", after=0) as watcher,
    ):
        lock = sqlite3.connect(tmp_path / "tidewire.db", isolation_level=None)
        try:
            lock.execute("BEGIN IMMEDIATE")
            async with asyncio.timeout(10):
                answers = await asyncio.gather(*[session.post("/lobby", data=f"locked {n}") for n in range(20)])
            lock.execute("ROLLBACK")
        finally:
            lock.close()
        async with Publisher(hub.url, channel="lobby") as publisher:
            await publisher.publish()

        assert {(answer.status, answer.headers.get("Retry-After")) for answer in answers} == {(503, "1")}
        await watcher.seen(1)
        assert [update["body"] for update in await history(hub.url)] == [publisher.answered[0].body]
