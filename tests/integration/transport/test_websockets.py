"""What a websocket's client reads, byte by byte: whole frames, each channel in order, nothing after the close."""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.actions.retention import trim_logs
from app.config import Settings
from tests.support.hub_ways import publish_all, raw_socket, serving_as
from tests.support.raw_socket import PING, PONG, TEXT, RawSocket, frame
from tests.support.watcher import Watcher
from tests.support.ways import Way, run

CHANNELS = [f"c{n}" for n in range(5)]


async def messages_until(raw: RawSocket, wanted: dict[str, int]) -> list[dict[str, Any]]:
    """Every message until the newest seq of each channel is the wanted one."""
    received: list[dict[str, Any]] = []
    newest = dict.fromkeys(wanted, 0)
    while newest != wanted:
        for message in await raw.messages():
            received.append(message)
            if message["type"] == "update":
                newest[message["channel"]] = message["seq"]
    return received


@pytest.mark.parametrize("way", Way)
def test_several_channels_on_one_connection_each_keep_their_order(settings_sqlite: Settings, way: Way) -> None:
    async def scenario() -> None:
        async with serving_as(way, settings_sqlite, ring_updates=64) as hub:
            for slug in CHANNELS:
                await hub.channel(slug)
                await publish_all(hub, slug, 1)
            async with raw_socket(hub) as raw, asyncio.TaskGroup() as tasks:
                await raw.upgrade()
                for slug in CHANNELS:
                    tasks.create_task(publish_all(hub, slug, 15))
                for ref, slug in enumerate(CHANNELS):
                    await asyncio.sleep(0.01)
                    await raw.send_message({"type": "subscribe", "ref": ref, "channel": slug, "after": ref})
                    await raw.send_message({"type": "ping", "ref": ref})
                received = await messages_until(raw, dict.fromkeys(CHANNELS, 320))

            for ref, slug in enumerate(CHANNELS):
                of_it = [message for message in received if message.get("channel") == slug]
                assert (of_it[0]["type"], of_it[0]["ref"]) == ("subscribed", ref)
                assert [message["seq"] for message in of_it[1:]] == list(range(ref + 1, 321))
            assert [message["ref"] for message in received if message["type"] == "pong"] == list(range(5))

    run(way, scenario())


@pytest.mark.parametrize("way", Way)
def test_nothing_is_sent_after_unsubscribed_and_nothing_is_missing_after_a_new_subscription(
    settings_sqlite: Settings, way: Way
) -> None:
    async def scenario() -> None:
        async with (
            serving_as(way, settings_sqlite) as hub,
            raw_socket(hub) as raw,
            Watcher(hub.url, channel="lobby") as neighbour,  # So that the feed stays when the other unsubscribes.
            asyncio.TaskGroup() as tasks,
        ):
            await neighbour.live()
            await raw.upgrade()
            await raw.message("welcome")
            tasks.create_task(publish_all(hub, "lobby", 40, size=5))
            seqs: list[int] = []
            following = False
            asked = 0
            while not seqs or seqs[-1] < 200:
                if not following:
                    await raw.send_message({"type": "subscribe", "channel": "lobby", "after": seqs[-1] if seqs else 0})
                elif asked < 12:
                    await raw.send_message({"type": "unsubscribe", "channel": "lobby"})
                    asked += 1
                answered = False
                while not answered and (not seqs or seqs[-1] < 200):
                    for message in await raw.messages():
                        if message["type"] == "update":
                            assert following, f"{message['seq']} was received outside of a subscription"
                            seqs.append(message["seq"])
                        else:
                            assert message["type"] == ("unsubscribed" if following else "subscribed")
                            following, answered = not following, True

            assert seqs == list(range(1, 201))
            assert asked == 12

    run(way, scenario())


@pytest.mark.parametrize("way", Way)
def test_what_is_sent_in_one_pass_of_the_loop_is_one_frame(settings_sqlite: Settings, way: Way) -> None:
    async def scenario() -> None:
        async with serving_as(way, settings_sqlite) as hub, raw_socket(hub) as raw:
            await raw.upgrade()
            await raw.message("welcome")
            asked = "\n".join(json.dumps({"type": "ping", "ref": ref}) for ref in range(50))
            await raw.send(frame(TEXT, asked.encode()))
            answers = await raw.messages()

            assert [answer["ref"] for answer in answers] == list(range(50))

    run(way, scenario())


@pytest.mark.parametrize("way", Way)
def test_pings_are_answered_between_frames_under_heavy_traffic(settings_sqlite: Settings, way: Way) -> None:
    async def scenario() -> None:
        async with (
            serving_as(way, settings_sqlite, ping_interval=0.1) as hub,
            raw_socket(hub, receive_buffer=16_384) as raw,
        ):
            await hub.channel("ci")
            await raw.upgrade()
            await raw.send_message({"type": "subscribe", "channel": "ci"})
            await raw.message("subscribed")

            async def ping() -> None:
                for number in range(100):
                    await raw.send(frame(PING, b"%d" % number))
                    await asyncio.sleep(0.005)

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(publish_all(hub, "ci", 20, text="y" * 4000))
                tasks.create_task(ping())
                seqs: list[int] = []
                pongs: list[int] = []
                while len(seqs) < 400 or len(pongs) < 100:
                    found = await raw.frame()
                    if found.opcode == PONG:
                        pongs.append(int(found.payload))
                    else:
                        assert found.opcode == TEXT
                        seqs += [json.loads(line)["seq"] for line in found.payload.split(b"\n")]

            assert (seqs, pongs) == (list(range(1, 401)), list(range(100)))

    run(way, scenario())


@pytest.mark.parametrize("way", Way)
def test_a_reset_is_sent_between_what_retention_removed_and_what_it_kept(settings_sqlite: Settings, way: Way) -> None:
    """The log is trimmed while a watcher reads it: the reset is sent before the first update after it."""

    async def scenario() -> None:
        async with serving_as(way, settings_sqlite, page_updates=5, ring_updates=5) as hub:
            resets = 0
            for attempt in range(5):
                slug = f"kept-{attempt}"
                await hub.channel(slug, retention_updates=20)
                await publish_all(hub, slug, 1, size=400)
                async with raw_socket(hub) as raw, asyncio.TaskGroup() as tasks:
                    await raw.upgrade()
                    await raw.send_message({"type": "subscribe", "channel": slug, "after": 0})
                    await raw.message("subscribed")
                    tasks.create_task(trim_logs(hub.services.db))
                    position = 0
                    while position < 400:
                        for message in await raw.messages():
                            if message["type"] == "reset":
                                assert (message["reason"], message["first"]) == ("expired", 381)
                                position, resets = 380, resets + 1
                            else:
                                assert message["seq"] == position + 1
                                position += 1

            assert resets > 0

    run(way, scenario())


@pytest.mark.parametrize("way", Way)
def test_a_client_that_reads_in_bursts_gets_everything_once_beside_one_that_always_reads(
    settings_sqlite: Settings, way: Way
) -> None:
    async def scenario() -> None:
        async with serving_as(way, settings_sqlite, ring_updates=32) as hub, AsyncExitStack() as stack:
            await hub.channel("ci")
            raws = [await stack.enter_async_context(raw_socket(hub, receive_buffer=size)) for size in (4096, 262_144)]
            for raw in raws:
                await raw.upgrade()
                await raw.send_message({"type": "subscribe", "channel": "ci"})
                await raw.message("subscribed")

            published = asyncio.Event()

            async def publish() -> None:
                await publish_all(hub, "ci", 60, size=10, text="w" * 16_000)
                published.set()

            async def read(raw: RawSocket, pause: float) -> list[int]:
                seqs: list[int] = []
                while not seqs or seqs[-1] < 600:
                    seqs += [message["seq"] for message in await raw.messages()]
                    if seqs[-1] % 100 > 95:
                        await asyncio.sleep(pause)
                    if pause and seqs[-1] > 100:
                        await published.wait()  # It falls behind: its socket is full, and the ring advances.
                return seqs

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(publish())
                slow, fast = tasks.create_task(read(raws[0], 0.3)), tasks.create_task(read(raws[1], 0))
            counted = (await hub.call("GET", "/metrics")).body.decode()

            assert slow.result() == fast.result() == list(range(1, 601))
            assert "\ntidewire_log_reads_total 0.0\n" not in counted

    run(way, scenario())
