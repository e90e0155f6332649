"""Pages wait for one thread, and so many and no more: a visitor of hostile Markdown delays nobody for long."""

import asyncio
import json

from app.model.update import Entry, encode_entry
from app.web.pages.rendering import Renderer


def slow(number: int) -> list[Entry]:
    """A page of Markdown that is within the bounds and takes its parser tens of milliseconds."""
    body = ("*a" * 400 + " " * number + "[x" * 100)[:8192]
    fields = json.dumps({"body": body, "format": "markdown"}).encode()
    return [encode_entry("lobby", "e", 1, "0" * 36, 0, None, fields)]


async def test_beyond_the_pages_that_may_wait_markdown_is_shown_as_text_at_once() -> None:
    renderer = Renderer()
    ended: list[int] = []

    async def page(number: int) -> bool:
        (shown,) = await renderer.shown(slow(number))
        ended.append(number)
        return shown.body_html is not None

    rendered = await asyncio.gather(*(page(number) for number in range(12)))

    assert rendered == [True] * 8 + [False] * 4
    assert ended == [8, 9, 10, 11, *range(8)]
    assert await page(12)  # What waited has left.
