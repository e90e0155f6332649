"""For the tests of the schema the databases are empty, as before a first start."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.config import Settings


@pytest.fixture
def settings_sqlite(settings_sqlite: Settings, tmp_path: Path) -> Settings:
    """A file that does not exist yet."""
    return replace(settings_sqlite, database_url=f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}")


@pytest.fixture
def settings_postgres(settings_postgres: Settings, postgres_url: str) -> Settings:
    """A database without a schema."""
    return replace(settings_postgres, database_url=postgres_url)
