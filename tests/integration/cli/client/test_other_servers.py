"""Between a client and its hub: a proxy's own pages are waited out, a wrong certificate or scheme ends it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from tests.support.command import CommandLine
from tests.support.ports import HOST
from tests.support.process import HubProcess, hub_process

PAGE = b"<html><h1>502 Bad Gateway</h1></html>"


@asynccontextmanager
async def between(
    hub: HubProcess, status: int, pages: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, list[int]]]:
    """A proxy that answers its first `pages` connections with a page of its own, and passes on the later ones. Yields
    its URL, and a list with an entry for each connection."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(status)
        if len(connections) <= pages:
            await reader.readuntil(b"\r\n\r\n")
            head = f"HTTP/1.1 {status} Page\r\nContent-Length: {len(PAGE)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + PAGE)
            await writer.drain()
            writer.close()
            return
        there, back = await asyncio.open_connection(HOST, hub.port)
        await asyncio.gather(pipe(reader, back), pipe(there, writer))

    server = await asyncio.start_server(serve, HOST, 0, ssl=tls)
    async with server:
        yield f"{'https' if tls else 'http'}://{HOST}:{server.sockets[0].getsockname()[1]}", connections
        server.close_clients()


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[HubProcess]:
    async with hub_process(tmp_path, {"TIDEWIRE_SHUTDOWN_TIMEOUT": "2"}) as running:
        yield running


@pytest.fixture
def tls() -> ssl.SSLContext:
    """A server's context with a certificate of an authority that nobody knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(HOST).configure_cert(context)
    return context


@pytest.mark.parametrize("status", [404, 500, 524])
async def test_a_proxys_page_is_waited_out(status: int, hub: HubProcess, tmp_path: Path) -> None:
    async with between(hub, status, 1) as (url, first), between(hub, status, 1) as (other, second):
        cli = CommandLine(tmp_path, {})
        async with cli.running("watch", "lobby", "--after", "0", "--json", "--url", url) as watch:
            published = await cli.run("publish", "lobby", "hello", "--url", other)
            seen = await watch.json_lines(1)
            error = await watch.error_line()

    assert (published.status, published.out, len(second)) == (0, "lobby #1\n", 2)
    assert ([update["seq"] for update in seen], len(first)) == ([1], 2)
    assert f"the server answered {status}, and not as a hub does; reconnecting" in error


async def test_a_certificate_that_is_not_valid_ends_both(hub: HubProcess, tls: ssl.SSLContext, tmp_path: Path) -> None:
    async with between(hub, 200, 0, tls) as (url, _):
        cli = CommandLine(tmp_path, {"TIDEWIRE_URL": url})
        for outcome in (await cli.run("watch", "lobby"), await cli.run("publish", "lobby", "hello")):
            assert (outcome.status, outcome.out, outcome.err.count("\n")) == (1, "", 1)
            assert (
                "the certificate of 127.0.0.1 is not valid here (unable to get local issuer certificate)"
                in outcome.err.lower()
            )


async def test_the_wrong_scheme_ends_both(hub: HubProcess, tmp_path: Path) -> None:
    cli = CommandLine(tmp_path, {"TIDEWIRE_URL": hub.url.replace("http", "https")})
    for outcome in (await cli.run("watch", "lobby"), await cli.run("publish", "lobby", "hello")):
        assert (outcome.status, outcome.out, outcome.err.count("\n")) == (1, "", 1), outcome
        assert f"server does not speak https; try {hub.url}" in outcome.err


@pytest.mark.parametrize("proxy", ["proxy:3128", "socks5://127.0.0.1:1", "http://127.0.0.1:port", "http://"])
async def test_a_proxy_that_can_not_be_used_is_one_sentence(proxy: str, tmp_path: Path) -> None:
    settings = {"TIDEWIRE_URL": "http://hub.invalid", "HTTP_PROXY": proxy, "http_proxy": proxy}
    outcome = await CommandLine(tmp_path, settings).run("watch", "lobby")

    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err == "Error: The proxy in HTTP_PROXY must be http://HOST:PORT.\n"


async def test_the_hubs_address_is_read_from_the_file_too(hub: HubProcess, tmp_path: Path) -> None:
    tmp_path.joinpath(".env").write_text(f"TIDEWIRE_URL={hub.url}\n")

    assert await CommandLine(tmp_path, {"TIDEWIRE_URL": ""}).ok("publish", "lobby", "hello") == "lobby #1\n"
