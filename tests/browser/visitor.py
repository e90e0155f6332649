"""A visitor with a browser: what a channel's page shows, and the errors in the browser's console."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from playwright.async_api import Browser, Page, Request

TIMEOUT_MS = 15_000  # A reconnect waits for its backoff.


class Visitor:
    """One page in its own context. Its methods wait for elements of the page, never for a fixed time."""

    def __init__(self, page: Page, hub_url: str) -> None:
        self.page = page
        self.hub_url = hub_url
        self.errors: list[str] = []
        self.foreign_requests: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self._record_message(message.type, message.text))
        page.on("request", self._record_request)

    @classmethod
    @asynccontextmanager
    async def visiting(cls, browser: Browser, hub_url: str, **context: Any) -> AsyncIterator["Visitor"]:
        """A visitor of this hub; `context` as Playwright's new_context takes it."""
        own = await browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **context})
        visitor = cls(await own.new_page(), hub_url)
        yield visitor
        await own.close()
        assert (visitor.errors, visitor.foreign_requests) == ([], [])

    async def open(self, path: str = "/lobby") -> None:
        await self.page.goto(self.hub_url + path)

    async def live(self) -> None:
        await self.page.wait_for_selector("[data-part=state][data-state=live]", timeout=TIMEOUT_MS)

    async def disconnected(self) -> None:
        await self.page.wait_for_selector("[data-part=state]:not([data-state=live])", timeout=TIMEOUT_MS)

    async def wait_for(self, seq: int) -> None:
        await self.page.wait_for_selector(f"#u{seq}", timeout=TIMEOUT_MS, state="attached")

    async def seqs(self) -> list[int]:
        """The updates on the page, from top to bottom."""
        shown = await self.page.locator(".feed > li[data-seq]").all()
        return [int(await item.get_attribute("data-seq") or 0) for item in shown]

    async def overflows(self) -> bool:
        """True if the page is wider than the window."""
        wide: bool = await self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        return wide

    def _record_message(self, kind: str, text: str) -> None:
        # The browser itself reports a refused connection; the tests check that the page recovers.
        if kind in ("error", "warning") and "ERR_CONNECTION_REFUSED" not in text and "WebSocket connection" not in text:
            self.errors.append(text)

    def _record_request(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.hub_url).netloc and not request.url.startswith("data:"):
            self.foreign_requests.append(request.url)


async def post(hub_url: str, body: str, slug: str = "lobby", **headers: str) -> int:
    """Publish a text as curl does, and return its seq."""
    async with aiohttp.ClientSession() as http, http.post(f"{hub_url}/{slug}", data=body, headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        seq: int = (await answer.json())["seq"]
        return seq
