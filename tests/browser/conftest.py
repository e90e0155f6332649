"""A hub as a process of its own, and a page on it that complains about nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser.visitor import Visitor
from tests.support.process import HubProcess, hub_process


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[HubProcess]:
    """A hub in development on SQLite, with its lobby."""
    async with hub_process(tmp_path / "hub", {"TIDEWIRE_ENV": "development"}) as running:
        yield running


@pytest.fixture
async def visitor(browser: Browser, hub: HubProcess) -> AsyncIterator[Visitor]:
    """Somebody at a desktop, looking at the lobby; whatever their browser complained of fails the test."""
    async with Visitor.arriving(browser, hub.url) as someone:
        yield someone
