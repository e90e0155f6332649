"""Rendering updates for pages beside the event loop, with a bound on what waits."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from quart import stream_template

from app.model.update import Entry
from app.web.pages.updates import ShownUpdate, shown_updates

_TURN_S = 0.001  # A page of 50 long updates takes 5 ms, for which every watcher would wait (benchmark `abuse`).
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


async def render_in_turns(template: str, **values: object) -> str:
    """As Quart's `render_template`, with others' turns on the event loop in between."""
    loop = asyncio.get_running_loop()
    parts, ends = [], loop.time() + _TURN_S
    async for part in await stream_template(template, **values):
        parts.append(part)
        if loop.time() >= ends:
            await asyncio.sleep(0)
            ends = loop.time() + _TURN_S
    return "".join(parts)
