"""A client that disconnects within a request or a frame: nothing is half stored, and no other client is affected."""

import asyncio
import json

import pytest

from tests.faults.conftest import OpenHub
from tests.faults.invariants import history
from tests.faults.observed import until_metric
from tests.support.ports import HOST
from tests.support.process import HubProcess
from tests.support.publisher import Publisher
from tests.support.raw_socket import TEXT, RawSocket, frame
from tests.support.watcher import WS_PATH
from tests.support.ways import Way

BATCH = json.dumps({"updates": [{"body": f"half {n}"} for n in range(100)]}).encode()
PUBLISH = json.dumps({"type": "publish", "channel": "lobby", "update": {"body": "half"}}).encode()


def request(path: str, body: bytes, *, media: str, claimed: int | None = None) -> bytes:
    """A POST whose length may be more than what is sent of it."""
    length = len(body) if claimed is None else claimed
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {media}\r\nContent-Length: {length}\r\n\r\n"
    return head.encode() + body


def chunked(path: str, *chunks: bytes, media: str) -> bytes:
    """A POST in chunks without the last chunk."""
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {media}\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head.encode() + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


UPDATES, TEXT_PUBLISH = "/api/v1/channels/lobby/updates", "/lobby"
WHOLE = b'{"body": "all of it, but more was announced"}'
HALVES = {
    "half a batch": request(UPDATES, BATCH[:1500], media="application/json", claimed=len(BATCH)),
    "a body that is JSON already, with more announced": request(
        UPDATES, WHOLE, media="application/json", claimed=len(WHOLE) + 20
    ),
    "half a text": request(TEXT_PUBLISH, b"half a te", media="text/plain", claimed=12),
    "a head without its body": request(TEXT_PUBLISH, b"", media="text/plain", claimed=5),
    "chunks without an end": chunked(UPDATES, BATCH[:700], BATCH[700:], media="application/json"),
    "text in chunks without an end": chunked(TEXT_PUBLISH, b"half", b" a text", media="text/plain"),
    "half a chunk": chunked(TEXT_PUBLISH, b"half", media="text/plain") + b"ff\r\nmore",
    "half a head": b"POST /lobby HTTP/1.1\r\nHost: here\r\nContent-Le",
    "half a request line": b"POST /lob",
}


@pytest.mark.parametrize("end", ["reset", "close", "half close"])
async def test_half_a_request_stores_nothing(hub: HubProcess, end: str) -> None:
    before = await history(hub.url)
    for what, sent in HALVES.items():
        async with RawSocket(hub.port) as raw:
            await raw.send(sent)
            if end == "reset":
                raw.reset()
            elif end == "half close":
                raw.shut()
                answer = await raw.rest()
                assert not answer.startswith(b"HTTP/1.1 2"), f"{what}: {answer!r}"

    assert await history(hub.url) == before


@pytest.mark.parametrize("end", ["reset", "close"])
@pytest.mark.parametrize("way", Way, indirect=True)
async def test_half_a_frame_stores_nothing_and_its_watcher_is_removed(hub: HubProcess, end: str) -> None:
    before = await history(hub.url)
    whole = frame(TEXT, PUBLISH)
    for cut in (1, 2, 5, 6, 30, len(whole) - 1):
        async with RawSocket(hub.port) as raw:
            await raw.upgrade()
            await raw.send_message({"type": "subscribe", "channel": "lobby"})
            await raw.message("subscribed")
            await raw.send(whole[:cut])
            if end == "reset":
                raw.reset()
    async with RawSocket(hub.port) as raw:
        await raw.upgrade()
        await raw.send(frame(TEXT, PUBLISH[:20], fin=False))
        raw.reset()
    await until_metric(hub, "tidewire_watchers", 1, within=10)

    assert await history(hub.url) == before


async def test_a_disconnect_before_the_answer_stores_all_or_nothing(hub: HubProcess) -> None:
    before = len(await history(hub.url))
    for _ in range(20):
        async with RawSocket(hub.port) as raw:
            await raw.send(request(UPDATES, BATCH, media="application/json"))
            raw.reset()
    async with Publisher(hub.url, channel="lobby") as publisher:
        await publisher.publish(body="the last")  # After all of these in the queue of the group commit.
    bodies = [update["body"] for update in (await history(hub.url))[before:]]

    batch = [f"half {n}" for n in range(100)]
    assert bodies[-1] == "the last"
    assert bodies[:-1] == batch * (len(bodies) // 100)


@pytest.mark.parametrize("way", Way, indirect=True)
async def test_watchers_that_disconnect_during_a_load_are_removed(hub: HubProcess) -> None:
    raws: list[RawSocket] = []
    for number in range(20):
        raw = await RawSocket(hub.port).__aenter__()
        raws.append(raw)
        if number % 2:
            form = "sse" if number % 4 == 1 else "json"
            await raw.send(f"GET /lobby/{form}?after=0 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        else:
            await raw.upgrade()
            await raw.send_message({"type": "subscribe", "channel": "lobby", "after": 0})
    await until_metric(hub, "tidewire_watchers", 21, within=10)
    async with Publisher(hub.url, channel="lobby") as publisher:
        for raw in raws:
            await publisher.publish(data="x" * 10_000)
            raw.reset()
    await until_metric(hub, "tidewire_watchers", 1, within=10)


UPGRADE = (
    f"GET {WS_PATH} HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
BEGINNINGS = (
    UPGRADE,
    f"GET /lobby/sse?after=0 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(),
)


@pytest.mark.parametrize("way", Way)
async def test_a_disconnect_during_the_handshake_leaves_no_watcher_and_no_traceback(
    sqlite_hub: OpenHub, way: Way
) -> None:
    """Work for a connection that is already closed affects no other client and logs no traceback."""
    async with sqlite_hub(way) as hub:
        for sent in BEGINNINGS:
            for step in range(100):
                async with RawSocket(hub.port) as raw:
                    await raw.send(sent)
                    await asyncio.sleep(step / 10_000)  # From zero to more than a handshake takes.
                    raw.reset()
        await until_metric(hub, "tidewire_watchers", 0, within=10)

        assert "Traceback" not in hub.log, hub.log
