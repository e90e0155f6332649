"""The names of hypercorn that the wire reaches: a release that moves them fails here and not at a user's."""

import asyncio
import socket
from dataclasses import replace
from typing import Any

import aiohttp
from quart import websocket

from app.config import Settings
from app.live.wire import Wire
from app.web.context import EXTENSION
from tests.support.hub import ServedHub, serving


def wire_of(hub: ServedHub) -> list[Wire]:
    """Each websocket's wire, noted by a hook of the application."""
    found: list[Wire] = []

    @hub.app.before_websocket
    async def note() -> None:
        scope: Any = websocket.scope
        found.append(scope["extensions"][EXTENSION])

    return found


async def test_the_wire_reaches_the_transport_under_hypercorn(settings_sqlite: Settings) -> None:
    async with serving(settings_sqlite) as hub:
        wires = wire_of(hub)
        async with hub.http.ws_connect(hub.url + "/api/v1/ws") as talk:
            await talk.receive()
            (wire,) = wires

            assert wire.unsent() == 0
            assert wire.shutdown() is not None
            assert wire._transport is not None
            handle = wire._transport.get_extra_info("socket")
            assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 90_000


async def test_an_idle_websocket_is_pinged_and_nothing_else_changes(settings_sqlite: Settings) -> None:
    async with (
        serving(replace(settings_sqlite, ping_interval=0.1)) as hub,
        hub.http.ws_connect(hub.url + "/api/v1/ws", autoping=False) as talk,
    ):
        await talk.receive()
        async with asyncio.timeout(5):
            first = await talk.receive()
            await talk.send_json({"type": "ping", "ref": 1})
            kinds = {first.type}
            while (message := await talk.receive()).type is aiohttp.WSMsgType.PING:
                kinds.add(message.type)

        assert kinds == {aiohttp.WSMsgType.PING}
        assert message.json() == {"type": "pong", "ref": 1}


async def test_a_cut_connection_ends_without_a_close(settings_sqlite: Settings) -> None:
    async with serving(settings_sqlite) as hub:
        wires = wire_of(hub)
        async with hub.http.ws_connect(hub.url + "/api/v1/ws") as talk:
            await talk.receive()
            wires[0].cut()
            async with asyncio.timeout(5):
                message = await talk.receive()

            assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_without_hypercorn_every_answer_is_harmless() -> None:
    sent = []

    async def send(message: object) -> None:
        sent.append(message)

    wire = Wire(send, 1.0)
    wire.decline_compression()
    wire.bound_messages()
    wire.notice_death()
    wire.ping()
    wire.cut()
    await wire.send({"type": "websocket.send", "text": "x"})

    assert (wire.unsent(), wire.shutdown(), sent) == (None, None, [{"type": "websocket.send", "text": "x"}])
