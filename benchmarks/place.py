"""Where a measure runs: a new, empty database of one kind, and a hub on it as a process of its own."""

import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.meter import Meter
from tests.support.postgres import open_postgres
from tests.support.process import HubProcess, hub_process
from tests.support.redis import open_redis

CHANNEL = "lobby"  # A first start makes it, and everybody may publish to it.
DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class Place:
    """An empty database, with a directory beside it for whoever uses it."""

    database_url: str
    redis_url: str | None
    directory: Path


@dataclass(frozen=True, slots=True)
class Running:
    """A hub that runs: where it listens, and what it has cost."""

    port: int
    meter: Meter


class Ground:
    """One kind of database; each measure gets a new and empty one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._servers = ExitStack()
        if name == "postgres":
            self._postgres, self._redis = open_postgres(), open_redis()
            self._servers.callback(self._postgres.close)
            self._servers.callback(self._redis.close)

    def close(self) -> None:
        """Stop the servers that were started for it."""
        self._servers.close()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """An empty database, removed in the end."""
        with _directory() as directory:
            if self.name == "sqlite":
                yield Place(f"sqlite+aiosqlite:///{directory / 'tidewire.db'}", None, directory)
                return
            self._redis.flush()
            database = await self._postgres.create_database()
            try:
                yield Place(self._postgres.url(database), self._redis.url, directory)
            finally:
                await self._postgres.drop_database(database)

    @asynccontextmanager
    async def hub(self) -> AsyncIterator[Running]:
        """A hub as an operator starts it, its settings the defaults but for the rate limits."""
        async with self.place() as place, started(place) as hub:
            yield Running(hub.port, Meter(hub.pid))


@asynccontextmanager
async def started(place: Place, **changes: str) -> AsyncIterator[HubProcess]:
    """A hub on that database, with `changes` to its environment; what it logged is shown when the measure fails."""
    settings = {"TIDEWIRE_DATABASE_URL": place.database_url, "TIDEWIRE_RATE_LIMITS": "off"}
    settings |= changes
    if place.redis_url is not None:
        settings["TIDEWIRE_REDIS_URL"] = place.redis_url
    async with hub_process(place.directory / "hub", settings) as hub:
        try:
            yield hub
        except BaseException:
            sys.stderr.write(f"The hub's log ends with:\n{hub.log[-3000:]}\n")
            raise


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tidewire-bench-") as directory:
        yield Path(directory)
