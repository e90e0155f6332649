"""The tools of the tests work: servers restart, and the proxy fails as a test requires."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import asyncpg
import pytest
import redis
from playwright.async_api import Browser
from quart import Quart, websocket

from tests.support.ports import HOST, free_port, is_open
from tests.support.postgres import Postgres
from tests.support.proxy import Proxy
from tests.support.redis import Redis
from tests.support.served import served


async def value_of(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", "", 1))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_postgres_keeps_what_was_committed_over_a_kill(own_postgres: Postgres) -> None:
    await value_of(own_postgres.url(), "CREATE TABLE IF NOT EXISTS kept AS SELECT 7 AS seven")

    own_postgres.kill()
    assert not is_open(own_postgres.port)
    own_postgres.start()

    assert await value_of(own_postgres.url(), "SELECT seven FROM kept") == 7


async def test_each_test_has_an_empty_database(postgres_url: str) -> None:
    tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"

    assert await value_of(postgres_url, tables) == 0


def test_redis_is_empty_after_a_restart_and_does_not_answer_while_paused(own_redis: Redis) -> None:
    with redis.Redis.from_url(own_redis.url, socket_timeout=0.2) as client:
        client.set("a", "b")
        own_redis.pause()
        with pytest.raises(redis.TimeoutError):
            client.get("a")
        own_redis.resume()
        assert client.get("a") == b"b"

    own_redis.restart()

    with redis.Redis.from_url(own_redis.url) as client:
        assert client.get("a") is None


@asynccontextmanager
async def echo_server() -> AsyncIterator[int]:
    """A server that echoes every line; yields its port."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                writer.write(line)
        writer.close()

    server = await asyncio.start_server(echo, HOST, free_port())
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


type Exchange = Callable[[str], Awaitable[str | None]]


@asynccontextmanager
async def line_client(port: int) -> AsyncIterator[Exchange]:
    """A connection that sends a line and returns the answer: None for a timeout, "" for the end of the connection."""
    reader, writer = await asyncio.open_connection(HOST, port)

    async def exchange(line: str) -> str | None:
        try:
            async with asyncio.timeout(0.3):
                writer.write(f"{line}\n".encode())
                return (await reader.readline()).decode().strip()
        except TimeoutError:
            return None
        except ConnectionError:
            return ""

    try:
        yield exchange
    finally:
        writer.transport.abort()


async def test_a_proxy_swallows_bytes_and_blocks_the_connections_that_lost_some() -> None:
    async with (
        echo_server() as port,
        Proxy(port) as proxy,
        line_client(proxy.port) as lost_bytes,
        line_client(proxy.port) as lost_none,
    ):
        assert (await lost_bytes("1"), await lost_none("1")) == ("1", "1")

        proxy.swallow()
        assert await lost_bytes("2") is None
        async with line_client(proxy.port) as opened_later:
            assert await opened_later("2") is None

        await proxy.pass_on()
        assert await lost_bytes("3") is None
        assert await lost_none("3") == "3"
        async with line_client(proxy.port) as new:
            assert await new("3") == "3"


async def test_a_proxy_swallows_one_direction_only() -> None:
    async with echo_server() as port, Proxy(port) as proxy, line_client(proxy.port) as exchange:
        proxy.swallow(to_server=False)
        assert await exchange("received, and never answered") is None

        assert proxy.swallowed_bytes == len("received, and never answered\n")


async def test_a_proxy_cuts_refuses_and_forwards_again() -> None:
    async with echo_server() as port, Proxy(port) as proxy:
        async with line_client(proxy.port) as exchange:
            assert await exchange("1") == "1"
            await proxy.cut()
            assert await exchange("2") == ""
        async with line_client(proxy.port) as exchange:
            assert await exchange("3") == "3"

            await proxy.refuse()
            assert await exchange("4") == ""
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(HOST, proxy.port)

        await proxy.pass_on()
        async with line_client(proxy.port) as exchange:
            assert await exchange("5") == "5"


def sample_application() -> Quart:
    app = Quart(__name__)

    @app.get("/")
    async def page() -> str:
        return "<h1>Tide</h1>"

    @app.websocket("/echo")
    async def echo() -> None:
        while True:
            await websocket.send(await websocket.receive())

    return app


async def test_a_served_application_listens_on_a_real_socket_until_the_end() -> None:
    async with served(sample_application()) as url, aiohttp.ClientSession() as session:
        async with session.get(url) as response:
            assert (response.status, response.headers.get("server")) == (200, None)
        async with session.ws_connect(f"{url}/echo") as socket:
            await socket.send_str("tide")
            assert await socket.receive_str(timeout=5) == "tide"

    assert not is_open(int(url.rsplit(":", 1)[1]))


async def test_a_browser_shows_a_served_page(browser: Browser) -> None:
    async with served(sample_application()) as url:
        page = await browser.new_page()
        await page.goto(url)

        assert await page.inner_text("h1") == "Tide"
        await page.close()
