"""A watcher that does not read costs the hub a position, not memory, and does not delay other watchers."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from tests.faults.conftest import OpenHub
from tests.faults.invariants import assert_seen, history
from tests.faults.observed import MIB, resident, until_metric
from tests.support.ports import HOST
from tests.support.raw_socket import CLOSE, TEXT, RawSocket
from tests.support.stream_watcher import LineWatcher, SseWatcher
from tests.support.watcher import Watcher, all_seen
from tests.support.ways import Way

SMALL_BUFFER = 16_384  # bytes that the kernel buffers for a client that does not read; it doubles the number
BATCH, BATCHES = 40, 15  # 600 updates of 20 kB: 12 MB, far more than all buffers hold


async def flood(url: str, batches: int = BATCHES) -> None:
    """Publish that many batches of big updates, one after the other."""
    updates = [{"key": str(n), "data": "x" * 20_000} for n in range(BATCH)]
    async with aiohttp.ClientSession(url, raise_for_status=True) as session:
        for _ in range(batches):
            async with session.post("/api/v1/channels/lobby/updates", json={"updates": updates}):
                pass


@asynccontextmanager
async def unread_websocket(port: int) -> AsyncIterator[RawSocket]:
    """A websocket that subscribes from the first update and reads nothing after the confirmation."""
    async with RawSocket(port, receive_buffer=SMALL_BUFFER) as raw:
        await raw.upgrade()
        await raw.message("welcome")
        await raw.send_message({"type": "subscribe", "channel": "lobby", "after": 0})
        await raw.message("subscribed")
        yield raw


@asynccontextmanager
async def unread_stream(port: int) -> AsyncIterator[RawSocket]:
    """A stream of server-sent events of which nothing is read after the head."""
    async with RawSocket(port, receive_buffer=SMALL_BUFFER) as raw:
        await raw.send(f"GET /lobby/sse?after=0 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert (await raw.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        yield raw


async def read_seqs(raw: RawSocket, last: int) -> list[int]:
    """Every seq received on a websocket, up to `last`."""
    seqs: list[int] = []
    while not seqs or seqs[-1] < last:
        seqs += [message["seq"] for message in await raw.messages() if message["type"] == "update"]
    return seqs


async def read_event_ids(raw: RawSocket, last: int) -> list[int]:
    """As `read_seqs`, for a stream: an event's id is EPOCH.SEQ."""
    seqs: list[int] = []
    while not seqs or seqs[-1] < last:
        await raw.until(b"event: update\nid: ")
        seqs.append(int((await raw.until(b"\n")).rpartition(b".")[2]))
    return seqs


@pytest.mark.timeout(60)
@pytest.mark.parametrize("way", Way)
async def test_a_watcher_that_does_not_read_delays_no_other_and_gets_every_update_later(
    sqlite_hub: OpenHub, way: Way
) -> None:
    async with sqlite_hub(way) as hub, AsyncExitStack() as stack:
        await flood(hub.url, 5)  # The memory of any busy hub: its ring, its connections, its caches.
        fast = [
            await stack.enter_async_context(kind(hub.url, channel="lobby", after=0))
            for kind in (Watcher, SseWatcher, LineWatcher)
        ]
        await all_seen(fast, 5 * BATCH)
        websockets = [await stack.enter_async_context(unread_websocket(hub.port)) for _ in range(6)]
        streams = [await stack.enter_async_context(unread_stream(hub.port)) for _ in range(4)]
        before = resident(hub)
        await flood(hub.url)
        last = (5 + BATCHES) * BATCH
        await all_seen(fast, last, within=5)
        grown = resident(hub) - before

        # Ten queues of 12 MB would be 120 MB. What may grow: the ring, a page and a batch for each, requests not yet
        # collected, the allocator.
        assert grown < 64 * MIB, f"{grown / MIB:.0f} MiB more"
        assert_seen(await history(hub.url), fast)
        # One of each, to save time: each has its own position in the log, and reads from there.
        assert await read_seqs(websockets[0], last) == list(range(1, last + 1))
        assert await read_event_ids(streams[0], last) == list(range(1, last + 1))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("way", Way)
async def test_a_websocket_that_takes_nothing_for_the_send_timeout_is_closed_with_1013(
    sqlite_hub: OpenHub, way: Way
) -> None:
    async with (
        sqlite_hub(way, send_timeout=2) as hub,
        Watcher(hub.url, channel="lobby", after=0) as fast,
        unread_websocket(hub.port) as raw,
    ):
        await flood(hub.url, 10)
        await fast.seen(10 * BATCH)
        await until_metric(hub, "tidewire_slow_closed_total", 1, within=8)
        seqs: list[int] = []
        while (frame := await raw.frame()).opcode == TEXT:
            seqs += [json.loads(line)["seq"] for line in frame.payload.split(b"\n")]

        assert (frame.opcode, frame.code) == (CLOSE, 1013)
        assert seqs == list(range(1, len(seqs) + 1))
        assert len(seqs) < 10 * BATCH
        # A client that resumes from its position, as the protocol describes, has no gap.
        async with Watcher(hub.url, channel="lobby", after=seqs[-1]) as resumed:
            await resumed.seen(10 * BATCH)
        resumed.assert_whole(10 * BATCH, first=seqs[-1] + 1)
        fast.assert_whole(10 * BATCH)
        assert fast.connections == 1


@pytest.mark.timeout(60)
@pytest.mark.parametrize("way", [Way.DIRECT, Way.PLAIN, Way.UVLOOP])
async def test_a_stream_that_takes_nothing_for_the_send_timeout_is_aborted(sqlite_hub: OpenHub, way: Way) -> None:
    async with (
        sqlite_hub(way, send_timeout=1) as hub,
        SseWatcher(hub.url, channel="lobby", after=0) as fast,
        unread_stream(hub.port) as raw,
    ):
        await fast.live()
        await flood(hub.url, 10)
        await fast.seen(10 * BATCH)
        await until_metric(hub, "tidewire_watchers", 1, within=6)
        received = await raw.rest()
        events = received.count(b"event: update\n")

        # Aborted within the chunked body: without the last chunk no client takes it for complete.
        assert 0 < events < 10 * BATCH
        assert not received.endswith(b"0\r\n\r\n")
        fast.assert_whole(10 * BATCH)
        assert fast.connections == 1


@pytest.mark.timeout(60)
@pytest.mark.parametrize("way", Way)
async def test_a_slow_watcher_that_still_reads_is_not_closed(sqlite_hub: OpenHub, way: Way) -> None:
    async with sqlite_hub(way, send_timeout=1) as hub, unread_websocket(hub.port) as raw:
        await flood(hub.url, 5)
        seqs: list[int] = []
        while not seqs or seqs[-1] < 5 * BATCH:
            seqs += [message["seq"] for message in await raw.messages() if message["type"] == "update"]
            await asyncio.sleep(0.03)  # About 70 frames of three updates: twice the timeout altogether.

        assert seqs == list(range(1, 5 * BATCH + 1))
