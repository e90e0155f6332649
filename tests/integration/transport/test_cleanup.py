"""Nothing is left of clients that have disconnected, however they did and whatever happened meanwhile."""

import asyncio
import random
import socket
from typing import Any

import pytest

from app.config import Settings
from tests.support.hub import ServedHub
from tests.support.hub_ways import held, raw_socket, serving_as, until_let_go, until_nobody
from tests.support.ports import HOST
from tests.support.raw_socket import CLOSE, frame
from tests.support.watcher import Watcher
from tests.support.ways import Way, run

CHANNELS = ("c0", "c1", "c2")


async def publish_until(hub: ServedHub, over: asyncio.Event) -> None:
    """Publish to all channels until `over` is set; a channel that is deleted just then is skipped."""
    while not over.is_set():
        for slug in CHANNELS:
            await hub.call("POST", f"/api/v1/channels/{slug}/updates", json={"updates": [{"body": "x" * 500}] * 3})


async def websocket_client(hub: ServedHub, chance: random.Random) -> None:
    """A websocket that sends messages in any order, without waiting for answers, and closes in any way."""
    async with raw_socket(hub) as raw:
        raw._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await raw.upgrade()
        for _ in range(chance.randrange(12)):
            slug = chance.choice(CHANNELS)
            await raw.send_message(
                chance.choice(
                    [
                        {"type": "subscribe", "channel": slug, "after": 0},
                        {"type": "subscribe", "channel": slug},
                        {"type": "unsubscribe", "channel": slug},
                        {"type": "presence", "channel": slug, "on": chance.random() < 0.7},
                        {"type": "publish", "channel": slug, "update": {"body": "mine"}},
                        {"type": "ping"},
                    ]
                )
            )
            if chance.random() < 0.3:
                await asyncio.sleep(chance.uniform(0, 0.02))
        match chance.randrange(3):
            case 0:
                raw.reset()
            case 1:
                await raw.send(frame(CLOSE, b"\x03\xe8"))
                await raw.rest()


async def stream_client(hub: ServedHub, chance: random.Random) -> None:
    """A stream that is followed for a moment, or not at all."""
    async with raw_socket(hub) as raw:
        slug, form = chance.choice(CHANNELS), chance.choice(("sse", "json"))
        await raw.send(f"GET /{slug}/{form}?after=0 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        await asyncio.sleep(chance.uniform(0, 0.05))
        if chance.random() < 0.5:
            raw.reset()


@pytest.mark.parametrize("way", Way)
def test_a_reconnect_storm_leaves_nothing_behind(
    settings_sqlite: Settings, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    """Subscriptions ended while they start, sockets closed during a flush, a channel deleted and created again: no
    other watcher misses an update, no task goes on, nothing is held, and nothing fails."""

    async def scenario() -> None:
        async with serving_as(way, settings_sqlite, ring_updates=16) as hub:
            for slug in CHANNELS:
                await hub.channel(slug)
            chance, over = random.Random(7), asyncio.Event()
            token = await hub.token("ana", admin=True)
            async with Watcher(hub.url, channel="c0", after=0) as steady, asyncio.TaskGroup() as tasks:
                await steady.live()
                tasks.create_task(publish_until(hub, over))
                for _ in range(6):
                    async with asyncio.TaskGroup() as clients:
                        for number in range(25):
                            clients.create_task((stream_client if number % 5 == 4 else websocket_client)(hub, chance))
                        await asyncio.sleep(0.05)
                        assert (await hub.call("DELETE", "/api/v1/channels/c2", token=token)).status == 204
                        await asyncio.sleep(0.05)
                        await hub.channel("c2")
                over.set()
                last = (await hub.publish("c0", body="the last"))["seq"]
                await steady.seen(last)
            await until_nobody(hub)

            steady.assert_whole(last)
            assert steady.connections == 1
            assert (await hub.call("GET", "/api/v1/channels/c0/presence")).json["watching"] == 0

    run(way, scenario())
    assert [(record.getMessage(), record.exc_info) for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("way", Way)
def test_disconnected_clients_are_not_held_in_memory(settings_sqlite: Settings, way: Way) -> None:
    async def many(hub: ServedHub) -> None:
        sockets = [await raw_socket(hub).__aenter__() for _ in range(60)]
        for number, raw in enumerate(sockets):
            if number % 3:
                await raw.upgrade()
                await raw.send_message({"type": "subscribe", "channel": "ci", "after": 0})
                await raw.send_message({"type": "presence", "channel": "ci", "on": True})
                await raw.message("subscribed")
            else:
                await raw.send(f"GET /ci/sse?after=0 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
                await raw.until(b"event: update\n")
        await hub.publish("ci", body="to all of them")
        for number, raw in enumerate(sockets):
            if number % 2:
                raw.reset()
            else:
                await raw.__aexit__(None, None, None)
        await until_nobody(hub)

    async def scenario() -> None:
        async with serving_as(way, settings_sqlite) as hub:
            await hub.channel("ci")
            await hub.publish("ci", body="the first")
            before = held()
            for _ in range(2):
                await many(hub)

            # A loop over all connections may hold the last one until its next round.
            await until_let_go(before, but=2)

    run(way, scenario())


@pytest.mark.parametrize("way", Way)
def test_a_subscription_that_is_ended_while_it_starts_ends(settings_sqlite: Settings, way: Way) -> None:
    """At every step of its start: the answers are in order, and nothing of the channel is received afterwards."""

    async def scenario() -> None:
        async with serving_as(way, settings_sqlite) as hub, raw_socket(hub) as raw:
            # Otherwise the second message would wait for the acknowledgement of the first.
            raw._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await hub.channel("ci")
            await raw.upgrade()
            await raw.message("welcome")
            starts: list[int] = []
            for step in range(60):
                await raw.send_message({"type": "subscribe", "ref": step, "channel": "ci"})
                await asyncio.sleep(step / 10_000)
                await raw.send_message({"type": "unsubscribe", "ref": -step - 1, "channel": "ci"})
                received: list[dict[str, Any]] = []
                while not received or received[-1]["type"] != "unsubscribed":
                    received += await raw.messages()
                await hub.publish("ci", body="no watcher")
                await raw.send_message({"type": "ping", "ref": step})
                received += await raw.messages()

                answers = [(message["type"], message["ref"]) for message in received]
                started = [("subscribed", step)] if len(answers) == 3 else []
                assert answers == [*started, ("unsubscribed", -step - 1), ("pong", step)]
                assert hub.services.hub.feeds() == {}
                starts.append(len(started))

            assert set(starts) == {0, 1}, "ended both before and after it had started"

    run(way, scenario())


@pytest.mark.parametrize("way", Way)
def test_a_watch_that_is_ended_in_the_middle_of_a_page_reads_no_further(settings_sqlite: Settings, way: Way) -> None:
    """A reader of the log is cancelled at any of its waits; the query that it shared goes on for the others."""

    async def scenario() -> None:
        async with serving_as(way, settings_sqlite, page_updates=5, ring_updates=5) as hub:
            await hub.channel("ci")
            updates = {"updates": [{"body": str(n)} for n in range(500)]}
            assert (await hub.call("POST", "/api/v1/channels/ci/updates", json=updates)).status == 201
            async with Watcher(hub.url, channel="ci", after=0) as other:
                for step in range(40):
                    async with raw_socket(hub) as raw:
                        raw._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        await raw.upgrade()
                        await raw.send_message({"type": "subscribe", "channel": "ci", "after": 0})
                        await asyncio.sleep(step / 4000)
                        await raw.send_message({"type": "unsubscribe", "channel": "ci"})
                        await raw.message("unsubscribed")
                        await raw.send_message({"type": "ping"})
                        assert [message["type"] for message in await raw.messages()] == ["pong"]
                await other.seen(500)
            await until_nobody(hub)

            other.assert_whole(500)

    run(way, scenario())
