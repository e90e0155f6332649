"""A backend: SQLite, or PostgreSQL with Redis, and the hub processes that run on it."""

import asyncio
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import hub_protocol
from benchmarks.failure import Failure
from benchmarks.meter import Meter
from benchmarks.server import Server
from tests.support.postgres import Postgres, open_postgres
from tests.support.process import HubProcess, hub_process
from tests.support.redis import Redis, open_redis

DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
_COMMAND_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Storage:
    """An empty database, its broker, and a directory for the files of the process that uses it."""

    database_url: str
    redis_url: str | None
    directory: Path


class Backend:
    """One kind of database, as `async with Backend(...)`. Its hubs share one database; `storage` creates another."""

    def __init__(self, name: str, *, reuse_hub: bool = False) -> None:
        """With `reuse_hub` all measures share one hub process, which is faster and less accurate."""
        self.name, self.title = name, DATABASES[name]
        self.hub_name = f"Tidewire on {self.title}"
        self.token = ""
        self.dependencies: dict[str, Meter] = {}
        self._open = AsyncExitStack()
        self._storage: Storage
        self._reuse_hub = reuse_hub
        self._reused: Server | None = None
        self._secret = secrets.token_urlsafe(32)

    async def __aenter__(self) -> "Backend":
        if self.name == "postgres":
            self._postgres, self._redis = await asyncio.to_thread(open_postgres), await asyncio.to_thread(open_redis)
            self._open.callback(self._postgres.close)
            self._open.callback(self._redis.close)
            # A server that the tests did not start has no pid here to read /proc for.
            if isinstance(self._postgres, Postgres):
                self.dependencies["PostgreSQL"] = Meter(self._postgres.pid)
            if isinstance(self._redis, Redis):
                self.dependencies["Redis"] = Meter(self._redis.pid)
        self._storage = await self._open.enter_async_context(self.storage())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    @asynccontextmanager
    async def storage(self) -> AsyncIterator[Storage]:
        """Create an empty database, and remove it on exit."""
        with tempfile.TemporaryDirectory(prefix="tidewire-bench-") as name:
            directory = Path(name)
            if self.name == "sqlite":
                yield Storage(f"sqlite+aiosqlite:///{directory / 'tidewire.db'}", None, directory)
                return
            database = await self._postgres.create_database()
            try:
                yield Storage(self._postgres.url(database), self._redis.url, directory)
            finally:
                await self._postgres.drop_database(database)

    @property
    def database_url(self) -> str:
        """The URL of the database that all hubs of this backend share."""
        return self._storage.database_url

    @asynccontextmanager
    async def hub(self, **changes: str) -> AsyncIterator[Server]:
        """Start a hub with the default settings, without rate limits and with `changes` to its environment."""
        if self._reuse_hub and not changes:
            if self._reused is None:
                self._reused = await self._open.enter_async_context(self._start({}))
            yield self._reused
            return
        async with self._start(changes) as server:
            yield server

    @asynccontextmanager
    async def _start(self, changes: dict[str, str]) -> AsyncIterator[Server]:
        async with start_hub(self._storage, TIDEWIRE_SECRET_KEY=self._secret, **changes) as hub:
            self.token = self.token or await _create_token(hub)
            yield self._server(hub, self.token)

    @asynccontextmanager
    async def separate_hub(self) -> AsyncIterator[Server]:
        """Start a hub that shares only the machine and the database server with the others."""
        async with self.storage() as storage, start_hub(replace(storage, redis_url=None)) as hub:
            yield self._server(hub, await _create_token(hub))

    def _server(self, hub: HubProcess, token: str) -> Server:
        return Server(
            name=self.hub_name,
            port=hub.port,
            meter=Meter(hub.pid),
            watch=hub_protocol.subscriber(token),
            modes=hub_protocol.publish_modes(token),
            dependencies=self.dependencies,
            token=token,
        )


@asynccontextmanager
async def start_hub(storage: Storage, **changes: str) -> AsyncIterator[HubProcess]:
    """Start a hub on that database; print the end of its log when the measure fails."""
    settings = {
        "TIDEWIRE_DATABASE_URL": storage.database_url,
        "TIDEWIRE_RATE_LIMITS": "off",
        "TIDEWIRE_ADDRESS_CONNECTIONS": "100000",
    }
    settings |= changes
    if storage.redis_url is not None:
        settings["TIDEWIRE_REDIS_URL"] = storage.redis_url
    async with hub_process(storage.directory / "hub", settings) as hub:
        try:
            yield hub
        except Exception:
            sys.stderr.write(f"The hub's log ends with:\n{hub.log[-3000:]}\n")
            raise


async def _create_token(hub: HubProcess) -> str:
    """Create a user, a private channel and a token that reads and publishes there, by the command line."""
    channel = hub_protocol.CHANNEL
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
    async with asyncio.timeout(_COMMAND_TIMEOUT_S):
        out, errors = await process.communicate()
    if process.returncode != 0:
        raise Failure(f"`tidewire {' '.join(words[:2])}` failed: {errors.decode()[-500:]}")
    return out.decode()
