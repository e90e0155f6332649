"""The channel's page is live: it shows every update once and in order, also after a killed hub and after a reload."""

import asyncio
import re
from pathlib import Path

from playwright.async_api import Browser

from tests.browser.visitor import Visitor, post
from tests.support.ports import HOST
from tests.support.process import HubProcess, hub_process

RICH = {
    "Title": "Nightly backup", "Level": "success", "Tags": "db,nightly", "Key": "backup", "Value": "42.1",
    "Unit": "GiB", "Progress": "0.7", "Status": "running", "Link": "https://example.org/backups/7",
}  # fmt: skip


async def test_an_update_appears_on_the_page_at_once(hub: HubProcess, visitor: Visitor) -> None:
    await post(hub.url, "before")
    await visitor.open()
    await visitor.live()
    for body in ("one", "two", "three"):
        await post(hub.url, body)
    await visitor.wait_for(4)

    assert await visitor.seqs() == [4, 3, 2, 1]
    assert await visitor.page.locator("#u4").inner_text() != ""


async def test_the_page_of_a_hub_under_a_path_of_its_host_is_live(browser: Browser, tmp_path: Path) -> None:
    settings = {"TIDEWIRE_ENV": "development", "TIDEWIRE_PUBLIC_URL": f"http://{HOST}/updates"}
    async with (
        hub_process(tmp_path, settings) as hub,
        Visitor.visiting(browser, f"{hub.url}/updates") as visitor,
    ):
        await visitor.open()
        await visitor.live()
        await post(f"{hub.url}/updates", "one")
        await visitor.wait_for(1)

        assert await visitor.seqs() == [1]


async def test_no_update_is_lost_or_repeated_after_a_killed_hub_restarts(hub: HubProcess, visitor: Visitor) -> None:
    await visitor.open()
    await visitor.live()
    await post(hub.url, "one")
    await visitor.wait_for(1)
    await hub.kill()
    await visitor.disconnected()
    await hub.start()
    for body in ("two", "three"):
        await post(hub.url, body)
    await visitor.live()
    await visitor.wait_for(3)
    await post(hub.url, "four")
    await visitor.wait_for(4)

    assert await visitor.seqs() == [4, 3, 2, 1]


async def test_live_updates_have_the_same_markup_after_a_reload(hub: HubProcess, visitor: Visitor) -> None:
    await visitor.open()
    await visitor.live()
    await post(hub.url, "Two lines:\n<b>not bold</b>", **RICH)
    await post(hub.url, "**bold**, `code` and [a link](https://example.org)\n\n- one\n- two", Markdown="yes")
    await post(hub.url, "[no](javascript:alert(1)) <img src=x onerror=alert(1)>", Markdown="yes")
    await visitor.wait_for(3)
    live = [await _markup(visitor, seq) for seq in (1, 2, 3)]
    await visitor.open()
    reloaded = [await _markup(visitor, seq) for seq in (1, 2, 3)]

    assert live == reloaded


async def _markup(visitor: Visitor, seq: int) -> str:
    """The item's markup without white space and times, which change."""
    html: str = await visitor.page.locator(f"#u{seq}").evaluate("item => item.outerHTML")
    return re.sub(r"\s+", "", re.sub(r"<time.*?</time>|<!--.*?-->", "", html, flags=re.DOTALL))


async def test_watchers_are_counted(browser: Browser, hub: HubProcess, visitor: Visitor) -> None:
    await visitor.open()
    await visitor.live()
    async with Visitor.visiting(browser, hub.url) as other:
        await other.open()
        await visitor.page.get_by_text("2 watching").wait_for(timeout=10_000)
    await visitor.page.get_by_text("1 watching").wait_for(timeout=10_000)


async def test_an_emptied_log_is_marked_on_the_page(hub: HubProcess, visitor: Visitor) -> None:
    await visitor.open()
    await visitor.live()
    await post(hub.url, "old")
    await visitor.wait_for(1)
    command = [*hub.command, "channel", "empty", "lobby", "--yes"]
    process = await asyncio.create_subprocess_exec(*command, cwd=hub.directory, env=hub.environment)
    async with asyncio.timeout(30):
        assert await process.wait() == 0
    await visitor.page.wait_for_selector(".feed-marker", timeout=10_000)
    await post(hub.url, "new")
    await visitor.page.get_by_text("new", exact=True).wait_for(timeout=10_000)


async def test_a_new_update_does_not_scroll_the_page(hub: HubProcess, visitor: Visitor) -> None:
    for number in range(40):
        await post(hub.url, f"update {number}")
    await visitor.open()
    await visitor.live()
    await visitor.page.locator("#u10").scroll_into_view_if_needed()
    before = await visitor.page.locator("#u10").bounding_box()
    seq = await post(hub.url, "news")
    button = visitor.page.locator("[data-part=new]")
    await button.wait_for(timeout=10_000)
    after = await visitor.page.locator("#u10").bounding_box()
    await button.click()
    await visitor.wait_for(seq)

    assert before == after
