"""Two hubs on one database and one Redis act as one; Redis only carries hints, which may be lost, doubled or late."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest
from hypercorn.utils import LifespanFailureError
from redis.asyncio import Redis as RedisClient

from app.broker import hint_codec
from app.broker.protocol import Hint, Listener
from app.config import ConfigError, Settings
from app.model.update import Entry
from app.store.log import read as history
from tests.support.hub import ServedHub, serving
from tests.support.redis import Redis
from tests.support.stream_watcher import LineWatcher, SseWatcher
from tests.support.watcher import Watcher, all_seen

NO_REDIS = "redis://127.0.0.1:1/0"
type Nodes = tuple[ServedHub, ServedHub]


@pytest.fixture
async def nodes(settings_postgres: Settings) -> AsyncIterator[Nodes]:
    """Two hubs that poll so rarely that an update is seen in time only by its hint."""
    rarely = replace(settings_postgres, poll_interval=60.0)
    async with serving(rarely) as first, serving(rarely) as second:
        await first.channel("ci")
        yield first, second


async def test_an_update_published_on_one_node_is_seen_on_the_other_at_once_and_once(nodes: Nodes) -> None:
    first, second = nodes
    async with (
        Watcher(second.url, channel="ci") as socket,
        SseWatcher(second.url, channel="ci") as events,
        LineWatcher(second.url, channel="ci") as lines,
        Watcher(first.url, channel="ci") as own,
    ):
        watchers = [socket, events, lines, own]
        for watcher in watchers:
            await watcher.live()
        began = time.monotonic()
        stored = await first.publish("ci", body="hello")
        await all_seen(watchers, 1, within=2)
        took = time.monotonic() - began
        await second.publish("ci", body="and back")
        await all_seen(watchers, 2, within=2)

    assert took < 1
    for watcher in watchers:
        watcher.assert_whole(2)
        assert watcher.updates[0] == {"type": "update", **stored}


async def test_updates_published_on_both_nodes_have_one_order_everywhere(nodes: Nodes) -> None:
    async with watching(nodes, 3) as watchers, asyncio.TaskGroup() as tasks:
        for node in nodes:
            for _ in range(3):
                tasks.create_task(publish_many(node, 20))
        await all_seen(watchers, 120, within=20)

    for watcher in watchers:
        watcher.assert_whole(120)
    orders = [[update["id"] for update in watcher.updates] for watcher in watchers]
    assert all(order == orders[0] for order in orders)


async def publish_many(node: ServedHub, count: int) -> None:
    for n in range(count):
        await node.publish("ci", body=str(n))


@asynccontextmanager
async def watching(nodes: Nodes, each: int) -> AsyncIterator[Sequence[Watcher]]:
    """That many live watchers on each node."""
    async with AsyncExitStack() as stack:
        watchers = [Watcher(node.url, channel="ci") for node in nodes for _ in range(each)]
        for watcher in watchers:
            await stack.enter_async_context(watcher)
            await watcher.live()
        yield watchers


async def stored_entries(hub: ServedHub, channel_id: int) -> list[Entry]:
    async with hub.services.db.reading() as tx:
        page = await history.read_after(tx, channel_id, 0, 100, 10**6)
    assert page is not None
    return list(page.entries)


async def test_hints_doubled_late_and_out_of_order_change_nothing(nodes: Nodes) -> None:
    """Passed to the hub as its broker passes them: without an order and without a guarantee."""
    first, second = nodes
    channel = await first.channel("hinted")
    listener: Listener = second.services.hub
    async with Watcher(second.url, channel="hinted") as watcher:
        await watcher.live()
        for n in range(6):
            await first.publish("hinted", body=str(n))
        await watcher.seen(6)
        entries = await stored_entries(first, channel.id)
        for part in (entries, entries[::-1], entries[2:4], entries[:1], entries[5:]):
            listener.on_hint(Hint(channel.id, channel.epoch, part))
        await first.publish("hinted", body="after")
        await watcher.seen(7)

    watcher.assert_whole(7)


async def test_the_log_makes_up_for_a_lost_hint(nodes: Nodes) -> None:
    """Six updates are committed by a process that can't reach Redis; the hints of two of them arrive after all."""
    first, second = nodes
    channel = await first.channel("hinted")
    mute_settings = replace(first.services.settings, redis_url=NO_REDIS)
    async with serving(mute_settings) as mute, Watcher(second.url, channel="hinted") as watcher:
        await watcher.live()
        for n in range(6):
            await mute.publish("hinted", body=str(n))
        entries = await stored_entries(first, channel.id)
        for index in (3, 5):
            second.services.hub.on_hint(Hint(channel.id, channel.epoch, entries[index : index + 1]))
        await watcher.seen(6, within=2)

    watcher.assert_whole(6)


async def test_a_hint_of_another_log_and_a_malformed_one_are_ignored(nodes: Nodes, redis_url: str) -> None:
    first, second = nodes
    channel = await first.channel("hinted")
    topic = hint_codec.topic(channel.id)
    redis = RedisClient.from_url(redis_url)
    foreign = Entry(1, b'{"type":"update","channel":"hinted","epoch":"other","seq":1}')
    async with Watcher(second.url, channel="hinted") as watcher:
        await watcher.live()
        for garbage in (b"", b"\n\n", b"\xff", b"node", b"node epoch x\n{}", b"node  1\n{}", b"n e 1\n"):
            await redis.publish(topic, garbage)
        await redis.publish(topic, hint_codec.encode("0123456789ab", Hint(channel.id, "other", [foreign])))
        await redis.publish("tidewire:control", b"nonsense")
        await redis.publish("tidewire:control", b"presence many")
        stored = await first.publish("hinted", body="true")
        await watcher.seen(1, within=2)
    await redis.aclose()

    watcher.assert_whole(1)
    assert watcher.updates == [{"type": "update", **stored}]


async def test_a_flushed_redis_loses_no_update(nodes: Nodes, redis_url: str) -> None:
    first, second = nodes
    redis = RedisClient.from_url(redis_url)
    async with Watcher(second.url, channel="ci") as watcher:
        await watcher.live()
        for n in range(5):
            await redis.flushall()
            await first.publish("ci", body=str(n))
        await watcher.seen(5, within=2)
    await redis.aclose()

    watcher.assert_whole(5)


async def test_with_redis_down_all_is_seen_within_the_poll_interval(
    settings_postgres: Settings, own_redis: Redis
) -> None:
    settings = replace(settings_postgres, redis_url=own_redis.url)
    async with serving(settings) as first, serving(settings) as second:
        await first.channel("ci")
        async with watching((first, second), 2) as watchers:
            await first.publish("ci", body="hinted")
            await all_seen(watchers, 1, within=2)
            await asyncio.to_thread(own_redis.stop)
            for n in range(3):
                await first.publish("ci", body=str(n))
                began = time.monotonic()
                await all_seen(watchers, n + 2, within=2 * settings.poll_interval)
                assert time.monotonic() - began < settings.poll_interval + 0.5
            readiness = await second.call("GET", "/readyz")
            await asyncio.to_thread(own_redis.start)
            await first.publish("ci", body="back")
            await all_seen(watchers, 5, within=5)

    for watcher in watchers:
        watcher.assert_whole(5)
        assert watcher.connections == 1
    assert readiness.status == 503


async def test_a_hub_starts_and_serves_while_redis_is_down(settings_postgres: Settings) -> None:
    async with serving(replace(settings_postgres, redis_url=NO_REDIS)) as hub:
        await hub.channel("ci")
        async with Watcher(hub.url, channel="ci") as watcher:
            await watcher.live()
            await hub.publish("ci", body="x")
            await watcher.seen(1, within=1)

    watcher.assert_whole(1)


@pytest.mark.parametrize("kind", [Watcher, SseWatcher, LineWatcher])
async def test_a_client_that_moves_to_another_node_resumes(settings_postgres: Settings, kind: type[Watcher]) -> None:
    """Its node stops; it also receives what is published before it has reconnected."""
    async with serving(settings_postgres) as staying:
        await staying.channel("ci")
        async with serving(settings_postgres) as leaving:
            watcher = await kind(leaving.url, staying.url, channel="ci").__aenter__()
            await watcher.live()
            await leaving.publish("ci", body="1")
            await watcher.seen(1)
            publishing = asyncio.create_task(publish_many(staying, 20))
        await publishing
        await watcher.seen(21)
        await watcher.__aexit__(None, None, None)

    watcher.assert_whole(21)
    assert watcher.connections == 2
    assert watcher.resets == []


async def test_one_idempotency_key_stores_once_on_both(nodes: Nodes) -> None:
    path, headers = "/api/v1/channels/ci/updates", {"Idempotency-Key": "k"}
    answers = await asyncio.gather(
        *[nodes[n % 2].call("POST", path, json={"body": "once"}, headers=headers) for n in range(10)]
    )

    assert sorted(answer.status for answer in answers) == [200] * 9 + [201]
    assert {answer.json["seq"] for answer in answers} == {1}


async def test_more_workers_without_redis_are_refused_by_the_settings(settings_sqlite: Settings) -> None:
    with pytest.raises(ConfigError, match="TIDEWIRE_WORKERS is 2 and TIDEWIRE_REDIS_URL is not set"):
        replace(settings_sqlite, workers=2)

    assert replace(settings_sqlite, workers=2, redis_url="redis://127.0.0.1/0").workers == 2


async def test_a_second_process_without_redis_refuses_to_start_and_names_the_reason(settings_sqlite: Settings) -> None:
    """The settings do not contain hypercorn's own --workers: the lock on the database detects the second process."""
    async with serving(settings_sqlite) as hub:
        with pytest.raises(LifespanFailureError) as failure:
            await serving(settings_sqlite).__aenter__()
        stored = await hub.publish("lobby", body="undisturbed")
    async with serving(settings_sqlite) as again:
        after = await again.publish("lobby", body="free again")

    assert "Another worker already runs on this database, and TIDEWIRE_REDIS_URL is not set" in str(failure.value)
    assert (stored["seq"], after["seq"]) == (1, 2)
