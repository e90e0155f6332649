"""The pages without JavaScript, by keyboard, on a phone, in light and dark, and with hostile updates."""

import pytest
from playwright.async_api import Browser

from tests.browser.visitor import Visitor, post
from tests.support.process import HubProcess

PAGES = ["/", "/lobby", "/lobby?before=2", "/api/docs", "/signin", "/no-such-channel"]


@pytest.mark.parametrize("width", [320, 390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_scrolls_sideways(browser: Browser, hub: HubProcess, width: int, scheme: str) -> None:
    await post(hub.url, "x" * 400 + " https://example.org/" + "y" * 300, Title="t" * 200, Key="k" * 80, Status="s" * 40)
    await post(hub.url, "```\n" + "code " * 80 + "\n```", Markdown="yes", Tags=",".join(["t" * 40] * 10))
    size = {"width": width, "height": 844}
    async with Visitor.visiting(browser, hub.url, viewport=size, color_scheme=scheme) as visitor:
        wide = []
        for path in PAGES[:-1]:
            await visitor.open(path)
            if await visitor.overflows():
                wide.append(path)

        assert wide == []


async def test_the_pages_are_readable_without_javascript(browser: Browser, hub: HubProcess) -> None:
    await post(hub.url, "hello from a shell", Title="Greeting", Progress="0.5")
    async with Visitor.visiting(browser, hub.url, java_script_enabled=False) as visitor:
        await visitor.open()
        text = await visitor.page.locator("main").inner_text()
        await visitor.open("/")
        index = await visitor.page.locator("main").inner_text()

        assert "hello from a shell" in text
        assert "Greeting" in text
        assert "Reload it to see what is new" in text
        assert "Lobby" in index


async def test_a_hostile_update_is_shown_as_text(hub: HubProcess, visitor: Visitor) -> None:
    await visitor.open()
    await visitor.live()
    attack = "<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">"
    await post(
        hub.url, attack, Title=attack, Key=attack[:80], Status=attack[:40], Tags=attack[:40], Unit="<b>", Value="1"
    )
    await post(hub.url, attack + "\n\n[x](javascript:document.title='pwned')", Markdown="yes")
    await visitor.wait_for(2)
    live_title = await visitor.page.title()
    await visitor.open()
    await visitor.live()

    assert "pwned" not in live_title + await visitor.page.title()
    assert await visitor.page.locator(".feed script, .feed img, .feed b, .feed a[href^=javascript]").count() == 0


async def test_the_keyboard_reaches_every_control_and_shows_the_focus(hub: HubProcess, visitor: Visitor) -> None:
    await post(hub.url, "see", Link="https://example.org/")
    await visitor.open()
    await visitor.live()
    reached, rings = [], []
    for _ in range(8):
        await visitor.page.keyboard.press("Tab")
        reached.append(await visitor.page.evaluate("document.activeElement.textContent.trim()"))
        rings.append(
            await visitor.page.evaluate(
                "(() => { const s = getComputedStyle(document.activeElement);"
                " return s.outlineStyle !== 'none' || s.boxShadow !== 'none'; })()"
            )
        )
        if reached[-1] == "https://example.org/":
            break

    assert {"Channels", "API", "#1", "https://example.org/"} <= set(reached)
    assert all(rings)


async def test_the_404_page_suggests_a_next_step(browser: Browser, hub: HubProcess) -> None:
    async with Visitor.visiting(browser, hub.url) as visitor:
        answer = await visitor.page.goto(hub.url + "/no-such-channel")
        text = await visitor.page.locator("main").inner_text()
        visitor.errors.clear()  # Chromium reports the 404 by itself.

        assert answer is not None
        assert answer.status == 404
        assert "Check the address" in text


async def test_a_link_leads_to_older_updates(hub: HubProcess, visitor: Visitor) -> None:
    for number in range(60):
        await post(hub.url, f"update {number}")
    await visitor.open()
    await visitor.page.get_by_role("link", name="Older updates").click()
    await visitor.page.get_by_text("Back to the newest").wait_for()

    assert await visitor.seqs() == list(range(10, 0, -1))
