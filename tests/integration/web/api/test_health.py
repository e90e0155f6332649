"""For operators: liveness, readiness with the part that is missing, and metrics."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.config import Settings
from tests.support.hub import ServedHub, serving
from tests.support.postgres import Postgres
from tests.support.redis import Redis
from tests.support.watcher import Watcher

UPDATES = "/api/v1/channels/lobby/updates"


@pytest.fixture
async def hub_that_may_lose_both(
    settings_sqlite: Settings, own_postgres: Postgres, own_redis: Redis
) -> AsyncIterator[ServedHub]:
    """A hub on a PostgreSQL and a Redis that the test may stop."""
    name = await own_postgres.create_database()
    settings = replace(
        settings_sqlite, database_url=own_postgres.url(name), redis_url=own_redis.url, query_timeout=2, commit_timeout=2
    )
    async with serving(settings) as hub:
        yield hub
    if own_postgres.running:
        await own_postgres.drop_database(name)


async def test_a_running_hub_is_healthy_and_ready(hub: ServedHub) -> None:
    healthy, ready = await hub.call("GET", "/healthz"), await hub.call("GET", "/readyz")

    assert (healthy.status, healthy.json) == (200, {"status": "ok"})
    assert (ready.status, ready.json) == (200, {"status": "ok", "database": "ok", "broker": "ok"})


async def test_without_its_database_a_hub_is_healthy_and_names_what_is_missing(
    hub_that_may_lose_both: ServedHub, own_postgres: Postgres
) -> None:
    hub = hub_that_may_lose_both
    token = await hub.token("ana")
    await asyncio.to_thread(own_postgres.stop)
    healthy, ready = await hub.call("GET", "/healthz"), await hub.call("GET", "/readyz")
    refused = [
        await hub.call("POST", UPDATES, json={"body": "lost"}),
        await hub.call("POST", "/lobby", data=b"lost"),
        await hub.call("GET", UPDATES),
        await hub.call("GET", "/api/v1/channels", token=token),
        await hub.call("GET", "/api/v1/channels/lobby/stream"),
    ]
    page = await hub.call("GET", "/lobby", headers={"Accept": "text/html"})
    await asyncio.to_thread(own_postgres.start)
    again = await hub.call("GET", "/readyz")
    stored = await hub.publish("lobby", body="kept")

    assert (healthy.status, ready.status, ready.json["status"]) == (200, 503, "unavailable")
    assert (ready.json["broker"], ready.headers["Retry-After"]) == ("ok", "1")
    # A connection that was open is lost; after that none opens.
    assert re.match("The database can't be reached, because|The connection to the database was", ready.json["database"])
    assert {(answer.status, answer.code) for answer in refused} == {(503, "unavailable")}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in (*refused, page))
    assert (page.status, "text/html" in page.headers["Content-Type"]) == (503, True)
    assert not re.search(r"Traceback|asyncpg|sqlalchemy|127\.0\.0\.1", ready.body.decode() + page.body.decode())
    assert (again.status, stored["seq"]) == (200, 1)


async def test_without_redis_a_hub_is_not_ready_and_goes_on_serving(
    hub_that_may_lose_both: ServedHub, own_redis: Redis
) -> None:
    hub = hub_that_may_lose_both
    await asyncio.to_thread(own_redis.stop)
    ready = await hub.call("GET", "/readyz")
    async with Watcher(hub.url, channel="lobby") as watcher:
        await hub.publish("lobby", body="all the same")
        await watcher.seen(1)
    presence = await hub.call("GET", "/api/v1/channels/lobby/presence")
    await asyncio.to_thread(own_redis.start)
    again = await hub.call("GET", "/readyz")

    assert (ready.status, ready.json["status"], ready.json["database"]) == (503, "unavailable", "ok")
    assert "Redis" in ready.json["broker"]
    assert (presence.status, again.status) == (200, 200)


async def test_a_redis_that_does_not_answer_is_reported_in_time(
    hub_that_may_lose_both: ServedHub, own_redis: Redis
) -> None:
    own_redis.pause()
    async with asyncio.timeout(5):
        ready = await hub_that_may_lose_both.call("GET", "/readyz")
    own_redis.resume()

    assert (ready.status, ready.json["broker"] != "ok", ready.json["database"]) == (503, True, "ok")


async def test_a_hub_that_stops_is_not_ready_and_admits_no_client(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.services.connections.shut_down()
    ready = await hub_sqlite.call("GET", "/readyz")
    stream = await hub_sqlite.call("GET", "/lobby/sse")

    assert (ready.status, ready.json["hub"]) == (503, "shutting down")
    assert (stream.status, stream.code, int(stream.headers["Retry-After"]) >= 1) == (503, "unavailable", True)


async def numbers(hub: ServedHub) -> dict[str, float]:
    answer = await hub.call("GET", "/metrics")
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/plain")
    families = text_string_to_metric_families(answer.body.decode())
    return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}


async def test_the_metrics_count_what_was_published_delivered_and_watched(hub: ServedHub) -> None:
    async with Watcher(hub.url, channel="lobby") as watcher:
        await watcher.live()
        await hub.call("POST", UPDATES, json={"updates": [{"value": n} for n in range(5)]})
        await watcher.seen(5)
        found = await numbers(hub)

    assert (found["tidewire_updates_published_total"], found["tidewire_updates_delivered_total"]) == (5, 5)
    assert (found["tidewire_watchers"], found["tidewire_commit_seconds_count"]) == (1, 1)
    assert all(name.startswith("tidewire_") for name in found)


async def test_each_hub_of_a_process_counts_its_own(settings_sqlite: Settings) -> None:
    other_url = settings_sqlite.database_url.replace("tidewire.db", "other.db")
    async with serving(settings_sqlite) as first, serving(replace(settings_sqlite, database_url=other_url)) as second:
        await first.publish("lobby", body="x")
        counts = [(await numbers(hub))["tidewire_updates_published_total"] for hub in (first, second)]

    assert counts == [1, 0]
