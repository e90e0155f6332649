"""Where a hub is measured: a database of one kind with a private channel and its token, and hubs as processes on it."""

import asyncio
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import hub as spoken
from benchmarks.contestant import Contestant
from benchmarks.failure import Failure
from benchmarks.meter import Meter
from tests.support.postgres import Postgres, open_postgres
from tests.support.process import HubProcess, hub_process
from tests.support.redis import Redis, open_redis

DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
_COMMAND_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """An empty database, with a directory beside it for whoever uses it."""

    database_url: str
    redis_url: str | None
    directory: Path


class Ground:
    """One kind of database, as `async with Ground(...)`. Its hubs share one database; `place` gives an empty one."""

    def __init__(self, name: str, *, keeps_its_hub: bool = False) -> None:
        """Each measure gets a hub of its own; or one after the other the same, which is quicker and says less."""
        self.name, self.title = name, DATABASES[name]
        self.hub_name = f"Tidewire on {self.title}"
        self.token = ""
        self.beside: dict[str, Meter] = {}
        self._open = AsyncExitStack()
        self._home: Place
        self._keeps_its_hub = keeps_its_hub
        self._kept: Contestant | None = None
        self._secret = secrets.token_urlsafe(32)

    async def __aenter__(self) -> "Ground":
        if self.name == "postgres":
            self._postgres, self._redis = await asyncio.to_thread(open_postgres), await asyncio.to_thread(open_redis)
            self._open.callback(self._postgres.close)
            self._open.callback(self._redis.close)
            # What runs elsewhere can't be measured from here.
            if isinstance(self._postgres, Postgres):
                self.beside["PostgreSQL"] = Meter(self._postgres.pid)
            if isinstance(self._redis, Redis):
                self.beside["Redis"] = Meter(self._redis.pid)
        self._home = await self._open.enter_async_context(self.place())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """An empty database, removed in the end."""
        with tempfile.TemporaryDirectory(prefix="tidewire-bench-") as name:
            directory = Path(name)
            if self.name == "sqlite":
                yield Place(f"sqlite+aiosqlite:///{directory / 'tidewire.db'}", None, directory)
                return
            database = await self._postgres.create_database()
            try:
                yield Place(self._postgres.url(database), self._redis.url, directory)
            finally:
                await self._postgres.drop_database(database)

    @property
    def database_url(self) -> str:
        """Of the database that all hubs of this ground share."""
        return self._home.database_url

    @asynccontextmanager
    async def hub(self, **changes: str) -> AsyncIterator[Contestant]:
        """A hub as an operator starts it, its settings the defaults but for the rate limits and `changes`."""
        if self._keeps_its_hub and not changes:
            if self._kept is None:
                self._kept = await self._open.enter_async_context(self._started({}))
            yield self._kept
            return
        async with self._started(changes) as contestant:
            yield contestant

    @asynccontextmanager
    async def _started(self, changes: dict[str, str]) -> AsyncIterator[Contestant]:
        async with started(self._home, TIDEWIRE_SECRET_KEY=self._secret, **changes) as hub:
            self.token = self.token or await _prepared(hub)
            yield self._contestant(hub, self.token)

    @asynccontextmanager
    async def hub_apart(self) -> AsyncIterator[Contestant]:
        """A hub that shares nothing with the others but the machine and the database's server."""
        async with self.place() as place, started(replace(place, redis_url=None)) as hub:
            yield self._contestant(hub, await _prepared(hub))

    def _contestant(self, hub: HubProcess, token: str) -> Contestant:
        return Contestant(
            name=self.hub_name,
            port=hub.port,
            meter=Meter(hub.pid),
            watch=spoken.watching(token),
            ways=spoken.publishing(token),
            beside=self.beside,
            token=token,
        )


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
        except Exception:
            sys.stderr.write(f"The hub's log ends with:\n{hub.log[-3000:]}\n")
            raise


async def _prepared(hub: HubProcess) -> str:
    """A token that reads and publishes on the private channel, made by the command line as an operator would."""
    channel = spoken.CHANNEL
    await _command(hub, "user", "create", "bench", "--email", "bench@example.org")
    await _command(hub, "channel", "create", channel, "--visibility", "private")
    scopes = ("--scope", "read", "--scope", "publish")
    return (await _command(hub, "token", "create", "--user", "bench", "--channel", channel, *scopes)).strip()


async def _command(hub: HubProcess, *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *hub.command,
        *words,
        cwd=hub.directory,
        env=hub.environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(_COMMAND_WITHIN):
        out, complaint = await process.communicate()
    if process.returncode != 0:
        raise Failure(f"`tidewire {' '.join(words[:2])}` failed: {complaint.decode()[-500:]}")
    return out.decode()
