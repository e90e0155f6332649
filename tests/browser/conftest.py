"""A hub as its own process, and a browser page on it whose console must have no errors."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.visitor import Visitor
from tests.support.process import HubProcess, hub_process


@pytest_asyncio.fixture(loop_scope="session")
async def hub(tmp_path: Path) -> AsyncIterator[HubProcess]:
    """A hub in development on SQLite, with its lobby."""
    async with hub_process(tmp_path / "hub", {"TIDEWIRE_ENV": "development"}) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser, hub: HubProcess) -> AsyncIterator[Visitor]:
    """A visitor of the lobby on a desktop; an error in the browser's console fails the test."""
    async with Visitor.visiting(browser, hub.url) as visitor:
        yield visitor
