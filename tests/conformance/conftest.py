"""One hub that all of these tests share and leave unchanged, and an open websocket to it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.peer import Peer, talking
from tests.support.process import HubProcess


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub on SQLite, with an echo beside it. All load comes from one address, so its limit is high."""
    directory = tmp_path_factory.mktemp("conformance")
    hub = HubProcess(
        directory,
        {
            "TIDEWIRE_DATABASE_URL": f"sqlite+aiosqlite:///{directory / 'tidewire.db'}",
            "TIDEWIRE_BLUEPRINTS": "tests.conformance.echo:blueprint",
            "TIDEWIRE_ANONYMOUS_RATE": "100000",
            "TIDEWIRE_ANONYMOUS_BURST": "100000",
        },
    )
    try:
        asyncio.run(hub.start())
        yield hub
        assert "Traceback" not in hub.log, hub.log
    finally:
        asyncio.run(hub.close())


@pytest.fixture
async def peer(hub: HubProcess) -> AsyncIterator[Peer]:
    """An open websocket whose welcome was received."""
    async with talking(hub.port) as peer:
        yield peer
