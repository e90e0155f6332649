"""HTTP/2 is for the proxy in front: the hub itself declines it, and goes on."""

import asyncio
from urllib.parse import urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived

from tests.support.hub import ServedHub


async def test_http_2_by_prior_knowledge_is_declined(hub_sqlite: ServedHub) -> None:
    status = await _status_over_http2(hub_sqlite.url, "/lobby/sse?after=0")

    assert status == b"505"
    assert (await hub_sqlite.call("GET", "/healthz")).status == 200


async def _status_over_http2(url: str, path: str) -> bytes:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    client = H2Connection(H2Configuration(client_side=True))
    client.initiate_connection()
    client.send_headers(1, [(":method", "GET"), (":scheme", "http"), (":authority", "hub"), (":path", path)], True)
    writer.write(client.data_to_send())
    try:
        async with asyncio.timeout(10):
            while True:
                for event in client.receive_data(await reader.read(65536)):
                    if isinstance(event, ResponseReceived):
                        return dict(event.headers)[b":status"]
    finally:
        writer.close()
        await writer.wait_closed()


async def test_the_absolute_form_of_a_target_is_its_path(hub_sqlite: ServedHub) -> None:
    address = urlsplit(hub_sqlite.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"GET http://hub.example/healthz HTTP/1.1\r\nHost: hub.example\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(10):
        answer = await reader.read(-1)
    writer.close()
    await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 200")
