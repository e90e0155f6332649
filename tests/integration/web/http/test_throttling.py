"""What a client can't do to the hub: block its loop, stay open without reading, or fill memory without a bound."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from urllib.parse import urlsplit

from app.config import Settings
from app.live.hub import Hub
from app.model.access import CredentialKind
from app.model.secret import digest
from app.runtime.reconciler import Reconciler
from tests.support.hub import ServedHub, serving
from tests.support.raw_socket import RawSocket
from tests.support.stalling_sink import StallingSink
from tests.support.subscribed import subscribed

EMPTY = b"\x81\x80\x00\x00\x00\x00"
CLOSE = b"\x88\x82\x00\x00\x00\x00\x03\xe8"


def port(hub: ServedHub) -> int:
    return urlsplit(hub.url).port or 0


async def longest_pass(seconds: float) -> float:
    """The longest pass of the loop in that time, in seconds."""
    loop, longest = asyncio.get_running_loop(), 0.0
    end = loop.time() + seconds
    while (before := loop.time()) < end:
        await asyncio.sleep(0.001)
        longest = max(longest, loop.time() - before)
    return longest


async def test_a_burst_of_tiny_frames_is_handled_a_slice_a_pass_of_the_loop(settings_sqlite: Settings) -> None:
    async with serving(settings_sqlite) as hub, AsyncExitStack() as stack:
        raws = [await stack.enter_async_context(RawSocket(port(hub))) for _ in range(8)]
        for raw in raws:
            await raw.upgrade()
        measuring = asyncio.create_task(longest_pass(3))
        sending = [asyncio.create_task(raw.send(EMPTY * 40_000)) for raw in raws]
        longest = await measuring
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)

        # 240 kB each: in one step they take seconds.
        assert longest < 1
        assert (await hub.call("GET", "/healthz")).status == 200


async def flooded(hub: ServedHub, raw: RawSocket) -> None:
    """The websocket follows a channel, and reads none of the megabytes that are published there."""
    await raw.upgrade()
    await raw.message("welcome")
    await raw.send_message({"type": "subscribe", "channel": "lobby"})
    await raw.message("subscribed")
    for _ in range(8):
        updates = [{"data": "x" * 20_000} for _ in range(40)]
        answer = await hub.call("POST", "/api/v1/channels/lobby/updates", json={"updates": updates})
        assert answer.status == 201


async def test_a_client_that_closes_and_does_not_read_is_cut_off_soon(settings_sqlite: Settings) -> None:
    async with serving(settings_sqlite) as hub, RawSocket(port(hub), receive_buffer=16_384) as raw:
        await flooded(hub, raw)
        await raw.send(CLOSE)
        async with asyncio.timeout(8):
            while hub.services.connections.principals():  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_a_client_that_ends_its_side_and_does_not_read_is_cut_off_soon(settings_sqlite: Settings) -> None:
    async with serving(settings_sqlite) as hub, RawSocket(port(hub), receive_buffer=16_384) as raw:
        await flooded(hub, raw)
        raw.shut()
        async with asyncio.timeout(8):
            while hub.services.connections.principals():  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_a_body_of_no_known_length_has_a_bound(settings_sqlite: Settings) -> None:
    async with serving(replace(settings_sqlite, max_request_bytes=65_536)) as hub:
        for path, claim in (("/lobby", b"Content-Length: 5\r\n"), ("/api/v1/channels/lobby/updates", b"")):
            async with RawSocket(port(hub)) as raw:
                head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode() + claim
                await raw.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
                try:
                    for _ in range(100):
                        await raw.send(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
                        await asyncio.sleep(0.001)
                    answer = await raw.rest(within=5)
                except ConnectionError:
                    answer = b""

            assert not answer or answer.split()[1] == b"413", answer[:200]


async def test_a_watch_that_closes_during_a_reconcile_does_not_affect_the_others(settings_sqlite: Settings) -> None:
    async with serving(settings_sqlite) as hub:
        await hub.private("secret")
        live: Hub = hub.services.hub
        ben = await hub.services.identities.get((CredentialKind.TOKEN, digest(await hub.token("ben"))))
        cyd = await hub.services.identities.get((CredentialKind.TOKEN, digest(await hub.token("cyd"))))
        left, stays = await subscribed(hub, "secret", cyd), await subscribed(hub, "secret", ben)
        sink = StallingSink()
        left.on_end(sink.notify)
        reconciling = asyncio.create_task(Reconciler(hub.services.db, live).reconcile({ben, cyd}))
        await asyncio.sleep(0)
        left.close()
        await reconciling

        assert (sink.ended, stays.ended) == (None, None)
        stays.close()
