"""SIGTERM: every watcher is closed and every publish answered, nothing is half stored, and the process ends in time."""

import asyncio
import contextlib
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from tests.faults.conftest import OpenHub, OpenHubs
from tests.faults.invariants import history
from tests.faults.test_slow_watchers import flood, unread_stream, unread_websocket
from tests.faults.traffic import KINDS, traffic
from tests.support.watcher import WS_PATH, Watcher
from tests.support.ways import Way

# On the plain path the server ends the connections: hypercorn waits for them, and does not announce it.
NOTIFIED = [Way.DIRECT, Way.UVLOOP]

SIZE = 20  # updates in a batch


@dataclass
class Line:
    """What one publisher has sent, by idempotency key: the bodies, and which keys were answered as stored."""

    name: str
    sent: dict[str, list[str]] = field(default_factory=dict)
    stored: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)

    def next(self, size: int) -> tuple[str, list[str]]:
        key = f"{self.name}-{len(self.sent)}"
        self.sent[key] = [f"{key}-{n}" for n in range(size)]
        return key, self.sent[key]


async def publish_batches(url: str, line: Line) -> None:
    """One batch after the other over HTTP, until the connection ends or the answer is a refusal."""
    async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=20)) as session:
        try:
            while not line.refused:
                key, bodies = line.next(SIZE)
                (line.stored if await post(session, key, bodies) == 201 else line.refused).add(key)
        except aiohttp.ClientError:
            return


async def post(session: aiohttp.ClientSession, key: str, bodies: list[str]) -> int:
    """Publish them all under the key: 201, 200 for stored before, or 503."""
    updates = {"body": bodies[0]} if len(bodies) == 1 else {"updates": [{"body": body} for body in bodies]}
    headers = {"Idempotency-Key": key}
    async with session.post("/api/v1/channels/lobby/updates", json=updates, headers=headers) as response:
        assert response.status in (200, 201, 503), await response.text()
        return response.status


async def publish_messages(url: str, line: Line) -> int | None:
    """Over a websocket, ten unanswered at a time, until the hub closes it: with which code."""
    async with aiohttp.ClientSession() as session, session.ws_connect(url + WS_PATH) as socket:
        allowed = asyncio.Semaphore(10)

        async def send() -> None:
            with contextlib.suppress(aiohttp.ClientError):  # Closed by the hub, which the loop below reads.
                while True:
                    await allowed.acquire()
                    key, (body,) = line.next(1)
                    message: dict[str, Any] = {
                        "type": "publish",
                        "channel": "lobby",
                        "ref": key,
                        "idempotency_key": key,
                    }
                    await socket.send_str(json.dumps({**message, "update": {"body": body}}))

        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(send())
            async for frame in socket:
                for text in frame.data.split("\n"):
                    message = json.loads(text)
                    if message["type"] == "published":
                        line.stored.add(message["ref"])
                        allowed.release()
            sending.cancel()
        return socket.close_code


@pytest.mark.timeout(60)
@pytest.mark.parametrize("way", NOTIFIED)
async def test_every_watcher_is_closed_and_every_publish_is_whole(sqlite_hub: OpenHub, way: Way) -> None:
    over_http, over_sockets = [Line(f"h{n}") for n in range(10)], [Line(f"w{n}") for n in range(5)]
    async with sqlite_hub(way, shutdown_timeout=8) as hub, AsyncExitStack() as stack:
        watchers = [
            await stack.enter_async_context(kind(hub.url, channel="lobby", after=0, resume=False)) for kind in KINDS * 5
        ]
        for watcher in watchers:
            await watcher.live()
        async with asyncio.TaskGroup() as tasks:
            for line in over_http:
                tasks.create_task(publish_batches(hub.url, line))
            codes = [tasks.create_task(publish_messages(hub.url, line)) for line in over_sockets]
            await watchers[0].seen(1000)
            assert await hub.stop(within=8 + 3) == 0
        assert [code.result() for code in codes] == [1001] * 5
        for watcher in watchers:
            # A stream ends with its last chunk: its client sees an end and not a breakdown.
            assert await watcher.closed() == (1001 if type(watcher) is Watcher else None)
            assert watcher.errors == []
            watcher.assert_whole(len(watcher.seqs))

        await hub.start()
        bodies = [update["body"] for update in await history(hub.url)]
        for line in over_http + over_sockets:
            for key, sent in line.sent.items():
                found = [body for body in bodies if body in sent]
                assert found == sent or (not found and key not in line.stored), key
                assert not found or key not in line.refused, f"{key} was answered 503 and stored"
                assert not found or key in line.stored, f"{key} was stored and not answered"
        # A publisher without an answer sends it again, under the same key.
        async with aiohttp.ClientSession(hub.url) as session:
            for line in over_http + over_sockets:
                for key in line.sent.keys() - line.stored:
                    assert await post(session, key, line.sent[key]) in (200, 201)
        bodies = [update["body"] for update in await history(hub.url)]
        sent = [body for line in over_http + over_sockets for each in line.sent.values() for body in each]
        assert sorted(bodies) == sorted(sent)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("way", NOTIFIED)
async def test_watchers_that_do_not_read_hold_up_a_shutdown_no_longer_than_its_time(
    sqlite_hub: OpenHub, way: Way
) -> None:
    async with (
        sqlite_hub(way, shutdown_timeout=4) as hub,
        Watcher(hub.url, channel="lobby", after=0, resume=False) as watcher,
        unread_websocket(hub.port),
        unread_stream(hub.port),
    ):
        await flood(hub.url, 10)
        await watcher.seen(400)

        assert await hub.stop(within=4 + 3) == 0
        assert await watcher.closed() == 1001


@pytest.mark.timeout(90)
async def test_two_hubs_are_restarted_in_turn_under_traffic(
    two_hubs: OpenHubs, postgres_url: str, redis_url: str
) -> None:
    async with (
        two_hubs(postgres_url, redis_url, (Way.DIRECT, Way.UVLOOP)) as (first, second),
        traffic(first.url, second.url) as running,
    ):
        for hub in (first, second):
            await running.more(30)
            await hub.restart()
        await running.more(30)

        closes = {code for watcher in running.watchers for code in watcher.closes if type(watcher) is Watcher}
        assert closes == {1001}
