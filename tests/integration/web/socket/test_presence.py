"""Presence: counted over all nodes, names for members alone, sent at each change and at most once a second."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise

import pytest
from redis.asyncio import Redis as RedisClient

from app.broker.leases import Leases
from app.broker.protocol import PresenceSnapshot
from app.config import Settings
from app.store import members as store_members
from tests.support.hub import ServedHub, serving
from tests.support.streaming import streaming
from tests.support.talker import Message, Talker, talking
from tests.support.watcher import Watcher

ASK: Message = {"type": "presence", "channel": "ci", "on": True}
STOP: Message = {**ASK, "on": False}


def presence(watching: int, *users: str) -> Message:
    return {"type": "presence", "channel": "ci", "watching": watching, "users": list(users)}


async def counted(talker: Talker, watching: int, *, within: float = 5) -> Message:
    """Skip messages until one has that count, and return it."""
    while (message := await talker.receive(within=within))["watching"] != watching:
        pass
    return message


async def over_http(hub: ServedHub, token: str | None = None) -> Message:
    found: Message = (await hub.call("GET", "/api/v1/channels/ci/presence", token=token)).json
    return found


async def test_all_watchers_are_counted_and_members_get_the_names(hub: ServedHub) -> None:
    await hub.channel("ci", owner="ana")
    ana, cyd = await hub.token("ana"), await hub.token("cyd")
    async with (
        Watcher(hub.url, channel="ci", token=ana) as first,
        Watcher(hub.url, channel="ci", token=ana) as second,
        Watcher(hub.url, channel="ci", token=cyd) as third,
        streaming(hub.url, "/ci/json"),
    ):
        for watcher in (first, second, third):
            await watcher.live()
        shown = [await over_http(hub, token) for token in (ana, cyd, None)]
        async with talking(hub.url, token=ana) as member, talking(hub.url) as anonymous:
            pushed = [await member.ask(ASK), await anonymous.ask(ASK)]

    assert shown == [{"watching": 4, "users": ["ana", "cyd"]}, *[{"watching": 4, "users": []}] * 2]
    assert pushed == [presence(4, "ana", "cyd"), presence(4)]


async def test_each_change_is_sent_and_a_watcher_that_leaves_is_no_longer_counted(hub: ServedHub) -> None:
    await hub.channel("ci", owner="ana")
    async with talking(hub.url, token=await hub.token("ana")) as member:
        received = [await member.ask(ASK)]
        async with Watcher(hub.url, channel="ci", token=await hub.token("ben")) as watcher:
            await watcher.live()
            received.append(await member.receive(within=3))
        received.append(await member.receive(within=3))
        await member.send({"type": "subscribe", "channel": "ci"})
        received += await member.receive_all(2)

    assert received[:3] == [presence(0), presence(1, "ben"), presence(0)]
    assert [message for message in received[3:] if message["type"] == "presence"] == [presence(1, "ana")]


async def test_many_changes_are_sent_at_most_once_a_second(hub: ServedHub) -> None:
    await hub.channel("ci")
    async with talking(hub.url) as talker, AsyncExitStack() as stack:
        await talker.ask(ASK)
        times = [time.monotonic()]
        for _ in range(10):
            watcher = await stack.enter_async_context(Watcher(hub.url, channel="ci"))
            await watcher.live()
        received: list[Message] = []
        while not received or received[-1]["watching"] < 10:
            received.append(await talker.receive(within=3))
            times.append(time.monotonic())

    assert all(later - earlier > 0.9 for earlier, later in pairwise(times))
    assert len(received) <= 3


async def test_a_client_that_stops_asking_receives_no_more_changes(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.channel("ci")
    async with talking(hub_sqlite.url) as talker, talking(hub_sqlite.url) as other:
        await talker.ask(ASK)
        await talker.send(STOP, STOP)
        await other.ask(ASK)
        async with Watcher(hub_sqlite.url, channel="ci") as watcher:
            await watcher.live()
            await counted(other, 1)
        pong = await talker.ask({"type": "ping"})
        again = await talker.ask(ASK)

    assert pong == {"type": "pong"}
    assert again["type"] == "presence"


async def test_names_are_no_longer_sent_to_a_removed_member(hub_sqlite: ServedHub) -> None:
    channel = await hub_sqlite.channel("ci", owner="ana")
    user = await hub_sqlite.user("ana")
    async with talking(hub_sqlite.url, token=await hub_sqlite.token("ana")) as talker:
        before = await talker.ask(ASK)
        async with hub_sqlite.services.db.transaction() as tx:
            await store_members.remove(tx, channel.id, user.id)
        async with Watcher(hub_sqlite.url, channel="ci", token=await hub_sqlite.token("ben")) as watcher:
            await watcher.live()
            after = await talker.receive(within=3)

    assert (before, after) == (presence(0), presence(1))


async def test_a_private_channels_presence_is_not_found_for_an_outsider(hub: ServedHub) -> None:
    await hub.private("secret")
    secret = await hub.call("GET", "/api/v1/channels/secret/presence")
    missing = await hub.call("GET", "/api/v1/channels/nowhere/presence")
    member = await hub.call("GET", "/api/v1/channels/secret/presence", token=await hub.token("ben"))

    assert (secret.status, secret.code) == (missing.status, missing.code) == (404, "not_found")
    assert member.json == {"watching": 0, "users": []}


@pytest.fixture
async def nodes(settings_postgres: Settings) -> AsyncIterator[tuple[ServedHub, ServedHub]]:
    """Two hubs on one database and one Redis."""
    quick = replace(settings_postgres, presence_lease=1.0)
    async with serving(quick) as first, serving(quick) as second:
        yield first, second


async def test_the_counts_of_two_nodes_add_up(nodes: tuple[ServedHub, ServedHub]) -> None:
    first, second = nodes
    await first.channel("ci", owner="ana")
    ana, ben = await first.token("ana"), await first.token("ben")
    async with talking(first.url, token=ana) as talker:
        began = await talker.ask(ASK)
        async with (
            Watcher(first.url, channel="ci", token=ana) as here,
            Watcher(second.url, channel="ci", token=ben) as there,
        ):
            await here.live()
            await there.live()
            both = await counted(talker, 2)
            shown = [await over_http(node, ana) for node in nodes]
        left = await counted(talker, 0)

    assert (began, both, left) == (presence(0), presence(2, "ana", "ben"), presence(0))
    assert shown == [{"watching": 2, "users": ["ana", "ben"]}] * 2


async def test_the_watchers_of_a_node_that_stops_are_removed_at_once(settings_postgres: Settings) -> None:
    """The lease is too long to have an effect here."""
    slow = replace(settings_postgres, presence_lease=60.0)
    async with serving(slow) as first, talking(first.url) as talker:
        await first.channel("ci")
        await talker.ask(ASK)
        async with serving(slow) as second, streaming(second.url, "/ci/json"):
            await counted(talker, 1)
        await counted(talker, 0)


async def test_a_node_that_crashed_is_removed_when_its_lease_ends(
    nodes: tuple[ServedHub, ServedHub], redis_url: str
) -> None:
    """It renews its lease once and never again, and does not release it."""
    channel = await nodes[0].channel("ci", owner="ana")
    redis = RedisClient.from_url(redis_url)
    crashed = Leases(redis, "crashed", 1.0, lambda: {channel.id: PresenceSnapshot(3, ("ben",))})
    await crashed.renew()
    async with talking(nodes[0].url, token=await nodes[0].token("ana")) as talker:
        before = await talker.ask(ASK)
        after = await talker.receive(within=3)
    listed = await redis.smembers("tidewire:nodes")
    await redis.aclose()

    assert (before, after) == (presence(3, "ben"), presence(0))
    assert len(listed) == 2


async def test_the_first_answer_carries_the_ref_and_later_ones_do_not(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.channel("ci")
    async with talking(hub_sqlite.url) as member:
        first = await member.ask({**ASK, "ref": 6})
        async with Watcher(hub_sqlite.url, channel="ci") as watcher:
            await watcher.live()
            later = await member.receive(within=3)

    assert (first, later) == ({**presence(0), "ref": 6}, presence(1))
