"""The wire on a real hypercorn, and on a server of which only ASGI is used."""

import asyncio
import gc
import socket
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from hypercorn.protocol.ws_stream import WSStream
from quart import websocket

from app.config import Settings
from app.transport.chunks import ChunkSink
from app.transport.encoding import ndjson
from app.transport.errors import Stalled
from app.transport.plain import PlainSink, PlainWebsocket
from app.transport.sink import Sink
from app.transport.wire import Wire
from app.web.http.context import EXTENSION, wire
from tests.support.hub import ServedHub, serving
from tests.support.raw_socket import RawSocket

HANDSHAKE = (
    b"GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def wires_of(hub: ServedHub) -> list[Wire]:
    """Each websocket's wire, recorded by a hook of the application."""
    found: list[Wire] = []

    @hub.app.before_websocket
    async def record() -> None:
        scope: Any = websocket.scope
        found.append(scope["extensions"][EXTENSION])

    return found


async def test_the_wire_has_the_transport_of_a_websocket_under_hypercorn(settings_sqlite: Settings) -> None:
    async with serving(settings_sqlite) as hub:
        wires = wires_of(hub)
        async with hub.http.ws_connect(hub.url + "/api/v1/ws") as client:
            await client.receive()
            (wire,) = wires

            assert wire.websocket is not None
            assert wire.shutdown() is not None
            handle = wire.websocket._transport.get_extra_info("socket")
            assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 90_000


async def test_an_idle_websocket_holds_no_task_and_outlives_the_objects_of_its_handshake(
    settings_sqlite: Settings,
) -> None:
    async with serving(settings_sqlite) as hub:
        await hub.call("GET", "/healthz")
        before = len(asyncio.all_tasks())
        async with hub.http.ws_connect(hub.url + "/api/v1/ws") as client:
            await client.send_json({"type": "subscribe", "channel": "lobby"})
            await client.receive()
            await client.receive()
            async with asyncio.timeout(5):
                while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            gc.collect()  # This frees what hypercorn and Quart held of it; the socket must stay open.
            await hub.publish("lobby", body="still here")

            assert (await client.receive_json())["body"] == "still here"
            assert not [each for each in gc.get_objects() if isinstance(each, WSStream)]


async def test_a_client_that_sends_before_the_handshake_is_answered_is_refused_and_nothing_is_left(
    settings_sqlite: Settings,
) -> None:
    async with serving(settings_sqlite) as hub:
        await hub.call("GET", "/healthz")
        before = len(asyncio.all_tasks())
        for _ in range(5):
            async with RawSocket(urlsplit(hub.url).port or 0) as raw:
                await raw.send(HANDSHAKE + b"\x81\x80\x00\x00\x00\x00")
                assert b" 400 " in await raw.until(b"\r\n\r\n")
        async with asyncio.timeout(5):
            while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

        assert hub.services.connections.principals() == set()


@pytest.mark.parametrize(("version", "kind"), [("1.1", ChunkSink), ("1.0", PlainSink)])
async def test_a_streamed_answer_is_written_in_chunks_to_a_client_that_supports_them(
    settings_sqlite: Settings, version: str, kind: type[Sink]
) -> None:
    async with serving(settings_sqlite) as hub:
        found: list[Sink] = []

        @hub.app.get("/streamed")
        async def streamed() -> AsyncGenerator[bytes]:
            own_wire = wire()

            async def body() -> AsyncGenerator[bytes]:
                yield b"first"
                sink = own_wire.body(ndjson, lambda: None)
                found.append(sink)
                sink.send(b"second")
                await sink.finish()
                sink.release()

            return body()

        async with RawSocket(urlsplit(hub.url).port or 0) as raw:
            await raw.send(f"GET /streamed HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            answer = await raw.rest()

        assert isinstance(found[0], kind)
        body = answer.partition(b"\r\n\r\n")[2]
        assert body == (b"5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n" if version == "1.1" else b"firstsecond")


async def test_an_idle_websocket_is_pinged_and_nothing_else_changes(settings_sqlite: Settings) -> None:
    async with (
        serving(replace(settings_sqlite, ping_interval=0.1)) as hub,
        hub.http.ws_connect(hub.url + "/api/v1/ws", autoping=False) as client,
    ):
        await client.receive()
        async with asyncio.timeout(5):
            first = await client.receive()
            await client.send_json({"type": "ping", "ref": 1})
            kinds = {first.type}
            while (message := await client.receive()).type is aiohttp.WSMsgType.PING:
                kinds.add(message.type)

        assert kinds == {aiohttp.WSMsgType.PING}
        assert message.json() == {"type": "pong", "ref": 1}


async def test_a_cut_connection_ends_without_a_close(settings_sqlite: Settings) -> None:
    async with serving(settings_sqlite) as hub:
        wires = wires_of(hub)
        async with hub.http.ws_connect(hub.url + "/api/v1/ws") as client:
            await client.receive()
            assert wires[0].websocket is not None
            wires[0].websocket.cut()
            async with asyncio.timeout(5):
                message = await client.receive()

            assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def nothing() -> object:
    raise AssertionError("Nothing is received here.")


async def test_without_hypercorn_the_wires_methods_are_harmless_and_writes_use_send() -> None:
    sent = []

    async def send(message: object) -> None:
        sent.append(message)

    wire = Wire(nothing, send, 1.0)
    wire.guard()
    wire.cut()
    sink = PlainWebsocket(wire.send, lambda: None)
    sink.send(b"a")
    sink.send(b"b")
    await sink.finish()
    await wire.send({"type": "websocket.close"})

    assert (wire.is_stalled(1e9), wire.shutdown(), wire.websocket) == (False, None, None)
    assert sent == [{"type": "websocket.send", "bytes": None, "text": "a\nb"}, {"type": "websocket.close"}]


async def test_without_hypercorn_a_send_that_is_never_completed_fails() -> None:
    async def send(message: object) -> None:
        await asyncio.Event().wait()

    wire = Wire(nothing, send, 0.05)
    async with asyncio.timeout(5):
        with pytest.raises(Stalled):
            await wire.send({"type": "websocket.send", "text": "x"})
