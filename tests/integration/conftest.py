"""A served hub on each of the two backends: SQLite with the in-process broker, PostgreSQL with Redis."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.config import Settings
from tests.support.hub import ServedHub, serving
from tests.support.postgres import GivenPostgres
from tests.support.prepared import prepare

SECRET_KEY = "for the tests alone, and long enough"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared database file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "tidewire.db"
    asyncio.run(prepare(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: GivenPostgres) -> Iterator[str]:
    """The name of a prepared database, to be copied."""
    name = asyncio.run(postgres.create_database())
    asyncio.run(prepare(postgres.url(name)))
    yield name
    asyncio.run(postgres.drop_database(name))


@pytest.fixture
async def prepared_postgres_url(postgres: GivenPostgres, postgres_template: str) -> AsyncIterator[str]:
    """The URL of a copy of it, dropped after the test."""
    name = await postgres.create_database(postgres_template)
    yield postgres.url(name)
    await postgres.drop_database(name)


@pytest.fixture
def settings_sqlite(tmp_path: Path, sqlite_url: str, sqlite_template: Path) -> Settings:
    """One worker: SQLite, and no Redis."""
    shutil.copyfile(sqlite_template, tmp_path / "tidewire.db")
    return Settings(env="testing", database_url=sqlite_url, secret_key=SECRET_KEY, data_dir=tmp_path)


@pytest.fixture
def settings_postgres(tmp_path: Path, prepared_postgres_url: str, redis_url: str) -> Settings:
    """A new PostgreSQL database, and an empty Redis."""
    return Settings(
        env="testing", database_url=prepared_postgres_url, redis_url=redis_url, secret_key=SECRET_KEY, data_dir=tmp_path
    )


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest) -> Settings:
    """Each of the two, one after the other."""
    found: Settings = request.getfixturevalue(f"settings_{request.param}")
    return found


@pytest.fixture
async def hub(settings: Settings) -> AsyncIterator[ServedHub]:
    """A served hub with those settings; it has the channel `lobby`."""
    async with serving(settings) as served_hub:
        yield served_hub


@pytest.fixture
async def hub_sqlite(settings_sqlite: Settings) -> AsyncIterator[ServedHub]:
    """A hub on SQLite alone, for what does not depend on the backend."""
    async with serving(settings_sqlite) as served_hub:
        yield served_hub
