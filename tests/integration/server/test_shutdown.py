"""Requests that arrive in the very steps of a shutdown: whatever is stored has been answered."""

import asyncio
import socket
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from app import create_app
from app.config import Settings
from tests.support.hub import ServedHub
from tests.support.hub_ways import HIGH_LIMITS, serving_as
from tests.support.served import served
from tests.support.ways import Way, as_seen, run

CONNECTIONS = 80
PER_PASS = 4  # Requests sent in one pass of the loop; a shutdown takes a few passes.


async def connected(url: str) -> socket.socket:
    """A connection that the server has answered once and keeps alive."""
    parts = urlsplit(url)
    client = socket.create_connection((parts.hostname, parts.port))
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(client, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 200 " in await loop.sock_recv(client, 65536)
    return client


def publish(client: socket.socket, number: int) -> None:
    """Send a whole publish at once, in this step."""
    body = f"n{number}".encode()
    head = b"POST /ci HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    with suppress(OSError):  # The server has closed it already.
        client.send(head + body)


async def answer(client: socket.socket) -> bytes:
    """What the server sent before it closed the connection."""
    found = bytearray()
    try:
        async with asyncio.timeout(10):
            while part := await asyncio.get_running_loop().sock_recv(client, 65536):
                found += part
    except ConnectionError:
        pass
    finally:
        client.close()
    return bytes(found)


@pytest.mark.parametrize("way", [Way.DIRECT, Way.UVLOOP])
def test_a_publish_that_meets_the_shutdown_is_stored_only_if_it_is_answered(
    settings_sqlite: Settings, way: Way
) -> None:
    """The server closes idle connections at that moment; the request may have been received in the step before."""

    async def play() -> None:
        app = create_app(replace(settings_sqlite, **HIGH_LIMITS))
        sending: list[asyncio.Task[None]] = []
        clients: list[socket.socket] = []

        async def send_all() -> None:
            for number, client in enumerate(clients):
                publish(client, number)
                if number % PER_PASS == 0:
                    await asyncio.sleep(0)

        async def begin() -> None:
            sending.append(asyncio.create_task(send_all()))

        async with served(as_seen(way, app), before_stop=begin) as url:
            await ServedHub(app, url, None).channel("ci")  # type: ignore[arg-type]
            clients.extend([await connected(url) for _ in range(CONNECTIONS)])
        await sending[0]
        answered = {number for number, client in enumerate(clients) if b" 201 " in await answer(client)}

        async with serving_as(way, settings_sqlite) as hub:
            stored = (await hub.call("GET", "/api/v1/channels/ci/updates?limit=500")).json["updates"]
        assert {int(update["body"][1:]) for update in stored} == answered
        assert 0 < len(answered) < CONNECTIONS  # The shutdown fell among the requests.

    run(way, play())
