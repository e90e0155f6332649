"""What every test may ask for: real servers, started once and when asked for, and a fresh place on them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.browser import launched
from tests.support.forking import fork_server
from tests.support.postgres import GivenPostgres, Postgres, open_postgres
from tests.support.redis import GivenRedis, Redis, open_redis

# Real processes under faults, and a browser: side by side they would wait for one another.
SERIAL = {"faults", "browser"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what measures time, or starts many processes, in one worker: the others run beside it."""
    for item in items:
        if item.path.parent.name in SERIAL:
            item.add_marker(pytest.mark.xdist_group("serial"))
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)  # The browser's own.


@pytest.fixture(scope="session", autouse=True)
def forks() -> Iterator[None]:
    """The hubs and commands of this run are forked from one process."""
    with fork_server():
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[GivenPostgres]:
    """The PostgreSQL server of this run, its own unless TIDEWIRE_TEST_DATABASE_URL names one."""
    server = open_postgres()
    yield server
    server.close()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[GivenRedis]:
    """The Redis server of this run, its own unless TIDEWIRE_TEST_REDIS_URL names one."""
    server = open_redis()
    yield server
    server.close()


@pytest.fixture
def own_postgres(postgres: GivenPostgres) -> Iterator[Postgres]:
    """A PostgreSQL that the test may stop, kill and restart; it runs again for the next test."""
    server = postgres if isinstance(postgres, Postgres) else Postgres()
    yield server
    if server is not postgres:
        server.close()
    elif not server.running:
        server.start()


@pytest.fixture
def own_redis(redis_server: GivenRedis) -> Iterator[Redis]:
    """An empty Redis that the test may stop, pause, kill and restart; it runs again for the next test."""
    server = redis_server if isinstance(redis_server, Redis) else Redis()
    server.flush()
    yield server
    if server is not redis_server:
        server.close()
    else:
        server.resume()
        if not server.running:
            server.start()


@pytest.fixture
async def postgres_url(postgres: GivenPostgres) -> AsyncIterator[str]:
    """The URL of a new, empty PostgreSQL database, in SQLAlchemy's form; dropped after the test."""
    name = await postgres.create_database()
    yield postgres.url(name)
    await postgres.drop_database(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite database that does not exist yet, in SQLAlchemy's form."""
    return f"sqlite+aiosqlite:///{tmp_path / 'tidewire.db'}"


@pytest.fixture
def redis_url(redis_server: GivenRedis) -> str:
    """The URL of an empty Redis database."""
    redis_server.flush()
    return redis_server.url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The headless Chromium of this run, each test with contexts of its own."""
    async with launched() as own:
        yield own
