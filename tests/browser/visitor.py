"""Somebody with a browser: what they see of a channel's page, and what their browser complained of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from playwright.async_api import Browser, Page, Request

WITHIN = 15_000  # milliseconds; a reconnect waits for its backoff


class Visitor:
    """One page in a context of its own. Waits are for what the page shows, never for time."""

    def __init__(self, page: Page, hub_url: str) -> None:
        self.page = page
        self.hub_url = hub_url
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("request", self._look)

    @classmethod
    @asynccontextmanager
    async def arriving(cls, browser: Browser, hub_url: str, **context: Any) -> AsyncIterator["Visitor"]:
        """A visitor of this hub; `context` as Playwright's new_context takes it."""
        own = await browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **context})
        visitor = cls(await own.new_page(), hub_url)
        yield visitor
        await own.close()
        assert (visitor.complaints, visitor.elsewhere) == ([], [])

    async def open(self, path: str = "/lobby") -> None:
        await self.page.goto(self.hub_url + path)

    async def live(self) -> None:
        await self.page.wait_for_selector("[data-part=state][data-state=live]", timeout=WITHIN)

    async def lost(self) -> None:
        await self.page.wait_for_selector("[data-part=state]:not([data-state=live])", timeout=WITHIN)

    async def sees(self, seq: int) -> None:
        await self.page.wait_for_selector(f"#u{seq}", timeout=WITHIN, state="attached")

    async def seqs(self) -> list[int]:
        """The updates on the page, from top to bottom."""
        shown = await self.page.locator(".feed > li[data-seq]").all()
        return [int(await item.get_attribute("data-seq") or 0) for item in shown]

    async def overflows(self) -> bool:
        """Would one have to scroll sideways?"""
        wide: bool = await self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        return wide

    def _note(self, kind: str, text: str) -> None:
        # A browser tells of a refused connection itself; that the page lives through it is what is tested.
        if kind in ("error", "warning") and "ERR_CONNECTION_REFUSED" not in text and "WebSocket connection" not in text:
            self.complaints.append(text)

    def _look(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.hub_url).netloc and not request.url.startswith("data:"):
            self.elsewhere.append(request.url)


async def post(hub_url: str, body: str, slug: str = "lobby", **headers: str) -> int:
    """Publish by the short form, as curl does; the seq."""
    async with aiohttp.ClientSession() as http, http.post(f"{hub_url}/{slug}", data=body, headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        seq: int = (await answer.json())["seq"]
        return seq
