"""The end of a websocket: nothing follows a close frame of either side, and what is received after it is dropped."""

import asyncio
import contextlib
import json
import random
from contextlib import AsyncExitStack

import pytest

from app.config import Settings
from tests.support.hub import ServedHub
from tests.support.hub_ways import publish_all, raw_socket, serving_as
from tests.support.raw_socket import CLOSE, PING, TEXT, RawSocket, frame
from tests.support.ways import Way, run


async def _received(raw: RawSocket, seconds: float) -> bytes:
    """What is received in that time."""
    try:
        return await raw.rest(within=seconds)
    except TimeoutError:
        return bytes(raw._buffer)


@pytest.mark.parametrize("way", Way)
def test_nothing_follows_a_close_frame(settings_sqlite: Settings, way: Way) -> None:
    """Clients that close at any moment: they receive whole frames, then the hub's close, then the end."""

    async def close_after(hub: ServedHub, delay: float, sent: bytes) -> None:
        async with raw_socket(hub) as raw:
            await raw.upgrade()
            await raw.send_message({"type": "subscribe", "channel": "ci", "after": 0})
            await raw.message("subscribed")
            await asyncio.sleep(delay)
            await raw.send(sent)
            while (found := await raw.frame()).opcode == TEXT:
                json.loads(found.payload.split(b"\n")[-1])
            assert (found.opcode, found.code) == (CLOSE, 1000)
            assert await raw.rest() == b""

    async def scenario() -> None:
        close = frame(CLOSE, b"\x03\xe8")
        ping = frame(TEXT, b'{"type":"ping"}')
        publish = frame(TEXT, b'{"type":"publish","channel":"ci","update":{"body":"the last"}}')
        async with serving_as(way, settings_sqlite) as hub, asyncio.TaskGroup() as tasks:
            await hub.channel("ci")
            tasks.create_task(publish_all(hub, "ci", 40, size=10, text="z" * 2000))
            for number in range(30):
                sent = (close, ping * 5 + close, publish + close)[number % 3]
                tasks.create_task(close_after(hub, random.uniform(0, 0.3), sent))

    run(way, scenario())


@pytest.mark.parametrize("code", [1001, 4401])
@pytest.mark.parametrize("way", Way)
def test_nothing_follows_the_hubs_own_close_while_it_waits_for_the_answer(
    settings_sqlite: Settings, way: Way, code: int
) -> None:
    """Updates go on being published, and the clients' own are not stored yet."""
    publish = frame(TEXT, b'{"type":"publish","channel":"ci","update":{"body":"mine"}}')

    async def scenario() -> None:
        async with serving_as(way, settings_sqlite) as hub, asyncio.TaskGroup() as tasks:
            await hub.channel("ci")
            tasks.create_task(publish_all(hub, "ci", 60, size=10))
            async with AsyncExitStack() as stack:
                raws = [await stack.enter_async_context(raw_socket(hub)) for _ in range(20)]
                for raw in raws:
                    await raw.upgrade()
                    await raw.send_message({"type": "subscribe", "channel": "ci"})
                    await raw.message("subscribed")
                    await raw.send(publish * 30)
                connections = hub.services.connections
                if code == 1001:
                    tasks.create_task(connections.shut_down())
                else:
                    connections.end(connections.principals())
                for raw in raws:
                    while (found := await raw.frame()).opcode == TEXT:
                        pass
                    assert (found.opcode, found.code) == (CLOSE, code)
                # They don't answer it, and the hub waits for a while.
                after = await asyncio.gather(*[_received(raw, 0.3) for raw in raws])

            assert after == [b""] * 20

    run(way, scenario())


@pytest.mark.parametrize("way", Way)
def test_what_a_client_sends_after_the_hubs_close_is_dropped(
    settings_sqlite: Settings, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    """The client has not read the close yet, or ignores it (RFC 6455, 5.5.1)."""
    ping, publish = frame(PING, b"?"), frame(TEXT, b'{"type":"publish","channel":"lobby","update":{"body":"late"}}')

    async def scenario() -> None:
        async with serving_as(way, settings_sqlite) as hub:
            for late in (ping, publish, publish[:9], frame(TEXT, b"\xff"), frame(CLOSE, b"\x03\xe8")):
                async with raw_socket(hub) as raw:
                    await raw.upgrade()
                    await raw.message("welcome")
                    connections = hub.services.connections
                    connections.end(connections.principals())
                    assert (await raw.frame()).code == 4401
                    with contextlib.suppress(ConnectionError):
                        await raw.send(late)
                    assert await _received(raw, 0.2) == b""
            assert (await hub.call("GET", "/api/v1/channels/lobby/updates")).json["last_seq"] == 0

    run(way, scenario())
    assert [(record.getMessage(), record.exc_info) for record in caplog.records if record.levelname == "ERROR"] == []
