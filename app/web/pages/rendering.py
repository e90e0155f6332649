"""Rendering updates for pages beside the event loop, with a bound on what waits."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from app.model.update import Entry
from app.web.pages.updates import ShownUpdate, shown_updates

_MAX_WAITING = 8  # Pages, of up to 100 ms each.


class Renderer:
    """One thread for all pages: slow Markdown delays other pages by a bounded time, and never the loop."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "pages")
        self._waiting = 0

    async def shown(self, entries: list[Entry]) -> list[ShownUpdate]:
        """The entries for a template. While too many pages wait, Markdown is shown as plain text."""
        if self._waiting >= _MAX_WAITING:
            return shown_updates(entries, is_busy=True)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, shown_updates, entries)
        finally:
            self._waiting -= 1
