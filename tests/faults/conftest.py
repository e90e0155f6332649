"""The hubs of the fault tests: real processes, on the databases that an operator would use."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.invariants import history
from tests.faults.observed import until_metric
from tests.support.process import HubProcess, hub_process
from tests.support.publisher import Publisher
from tests.support.watcher import Watcher
from tests.support.ways import Way

# All load comes from one address, so its limit is high.
SETTINGS = {"TIDEWIRE_ANONYMOUS_RATE": "100000", "TIDEWIRE_ANONYMOUS_BURST": "100000"}

type OpenHub = Callable[..., AbstractAsyncContextManager[HubProcess]]
type OpenHubs = Callable[..., AbstractAsyncContextManager[tuple[HubProcess, HubProcess]]]


@pytest.fixture
def sqlite_hub(tmp_path: Path, sqlite_url: str) -> OpenHub:
    """Opens a single hub, on SQLite; keyword arguments are settings, in lower case."""

    def open_hub(way: Way = Way.DIRECT, **settings: object) -> AbstractAsyncContextManager[HubProcess]:
        return hub_process(tmp_path / "hub", SETTINGS | _variables(database_url=sqlite_url, **settings), way=way)

    return open_hub


@pytest.fixture(scope="module")
def way(request: pytest.FixtureRequest) -> Way:
    """How `shared_hub` is served: directly, unless a test is parametrised with another way."""
    found: Way = getattr(request, "param", Way.DIRECT)
    return found


@pytest.fixture(scope="module")
def shared_hub(tmp_path_factory: pytest.TempPathFactory, way: Way) -> Iterator[HubProcess]:
    """A hub on SQLite for all tests of a module; they must leave it unchanged."""
    directory = tmp_path_factory.mktemp("hub")
    database = f"sqlite+aiosqlite:///{directory / 'tidewire.db'}"
    hub = HubProcess(directory, SETTINGS | _variables(database_url=database), way=way)
    try:
        asyncio.run(hub.start())
        yield hub
    finally:
        asyncio.run(hub.close())


@pytest.fixture
async def hub(shared_hub: HubProcess) -> AsyncIterator[HubProcess]:
    """The shared hub, with another watcher that stays connected and gets every update once, whatever the test does.

    Afterwards no other connection is left, and the hub has logged no exception.
    """
    first, logged = len(await history(shared_hub.url)) + 1, len(shared_hub.log)
    async with Watcher(shared_hub.url, channel="lobby", after=first - 1) as other:
        await other.live()
        yield shared_hub
        async with Publisher(shared_hub.url, channel="lobby") as publisher:
            last = (await publisher.publish()).seq
        await other.seen(last)
        await until_metric(shared_hub, "tidewire_watchers", 1, within=10)

    other.assert_whole(last, first=first)
    assert other.connections == 1
    assert len(await history(shared_hub.url)) == last
    assert "Traceback" not in shared_hub.log[logged:], shared_hub.log[logged:]
    await until_metric(shared_hub, "tidewire_watchers", 0, within=10)


@pytest.fixture
def two_hubs(tmp_path: Path) -> OpenHubs:
    """Opens two hubs at once on one database and one Redis, which may both be empty."""

    @asynccontextmanager
    async def open_hubs(
        database_url: str, redis_url: str, ways: tuple[Way, Way] = (Way.DIRECT, Way.DIRECT), **settings: object
    ) -> AsyncIterator[tuple[HubProcess, HubProcess]]:
        chosen = SETTINGS | _variables(database_url=database_url, redis_url=redis_url, **settings)
        first, second = (
            HubProcess(tmp_path / name, chosen, way=way) for name, way in zip(("first", "second"), ways, strict=True)
        )
        try:
            async with asyncio.TaskGroup() as starts:
                starts.create_task(first.start())
                starts.create_task(second.start())
            yield first, second
        finally:
            await first.close()
            await second.close()

    return open_hubs


def _variables(**settings: object) -> dict[str, str]:
    return {f"TIDEWIRE_{name.upper()}": str(value) for name, value in settings.items()}
