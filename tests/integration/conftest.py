"""A served hub on each of the two grounds: SQLite with the in-process broker, PostgreSQL with Redis."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.config import Settings
from tests.support.hub import ServedHub, serving

SECRET_KEY = "for the tests alone, and long enough"


@pytest.fixture
def settings_sqlite(tmp_path: Path, sqlite_url: str) -> Settings:
    """One worker: SQLite, and no Redis."""
    return Settings(env="testing", database_url=sqlite_url, secret_key=SECRET_KEY, data_dir=tmp_path)


@pytest.fixture
def settings_postgres(tmp_path: Path, postgres_url: str, redis_url: str) -> Settings:
    """A new PostgreSQL database, and an empty Redis."""
    return Settings(
        env="testing", database_url=postgres_url, redis_url=redis_url, secret_key=SECRET_KEY, data_dir=tmp_path
    )


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest) -> Settings:
    """Each of the two, one after the other."""
    found: Settings = request.getfixturevalue(f"settings_{request.param}")
    return found


@pytest.fixture
async def hub(settings: Settings) -> AsyncIterator[ServedHub]:
    """A hub of those settings, served; it has the channel `lobby`."""
    async with serving(settings) as served_hub:
        yield served_hub


@pytest.fixture
async def hub_sqlite(settings_sqlite: Settings) -> AsyncIterator[ServedHub]:
    """A hub on SQLite alone, for what does not touch the ground."""
    async with serving(settings_sqlite) as served_hub:
        yield served_hub
