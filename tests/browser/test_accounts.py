"""From the setup link to a private channel whose page turns live, and the end of a session that is seen live."""

import re

from playwright.async_api import Browser

from tests.browser.visitor import Visitor
from tests.support.command import CommandLine
from tests.support.process import HubProcess

PASSWORD = "correct horse battery"


def setup_link(hub: HubProcess) -> str:
    """The path of the link that the hub printed when it started."""
    found = re.search(r"(/setup/[\w-]{43})$", hub.log, re.MULTILINE)
    assert found, hub.log
    return found[1]


async def fill(visitor: Visitor, **fields: str) -> None:
    for name, value in fields.items():
        await visitor.page.fill(f"[name={name}]", value)


async def set_up(visitor: Visitor, hub: HubProcess) -> None:
    """Create the administrator ana, who is signed in then."""
    await visitor.open(setup_link(hub))
    await fill(visitor, name="ana", email="ana@example.org", password=PASSWORD)
    await visitor.page.get_by_role("button", name="Create the administrator").click()
    await visitor.page.get_by_text("Welcome, ana").wait_for()


async def create_private_channel(visitor: Visitor) -> None:
    await visitor.page.get_by_role("link", name="New channel").click()
    await fill(visitor, slug="ci", title="Builds")
    await visitor.page.get_by_role("button", name="Create the channel").click()
    await visitor.page.get_by_role("heading", name="Builds").wait_for()


async def sign_in(visitor: Visitor, path: str = "/signin") -> None:
    await visitor.open(path)
    await fill(visitor, name="ana", password=PASSWORD)
    await visitor.page.keyboard.press("Enter")
    await visitor.page.get_by_role("button", name="Sign out").wait_for()


async def test_from_the_setup_link_to_a_private_channel_that_turns_live(hub: HubProcess, visitor: Visitor) -> None:
    await set_up(visitor, hub)
    await create_private_channel(visitor)
    await visitor.page.get_by_role("button", name="Make a token for this command").locator("visible=true").click()
    await visitor.live()
    (command, *_) = await visitor.page.locator("pre:visible", has_text="Bearer tw_").all_inner_texts()
    token = re.search(r"Bearer (tw_[\w-]{43})", command)
    assert token and f"{hub.url}/ci" in command
    outcome = await CommandLine(hub.directory, {"TIDEWIRE_URL": hub.url}).run(
        "publish", "ci", "build 512 passed", TIDEWIRE_TOKEN=token[1]
    )
    await visitor.wait_for(1)

    assert outcome.out == "ci #1\n"
    assert await visitor.page.get_by_text("build 512 passed").is_visible()


async def test_a_session_that_is_ended_elsewhere_goes_dark_live(
    browser: Browser, hub: HubProcess, visitor: Visitor
) -> None:
    await set_up(visitor, hub)
    await create_private_channel(visitor)
    await visitor.live()
    async with Visitor.visiting(browser, hub.url) as other:
        await sign_in(other, "/signin?next=/account")
        await other.page.get_by_role("button", name="End all others").click()
        await other.page.get_by_text("1 other session is ended").wait_for()
        await visitor.disconnected()
        state = visitor.page.locator("[data-part=state]")
        await visitor.page.wait_for_function(
            "document.querySelector('[data-part=state]').dataset.state === 'refused'", timeout=10_000
        )

        assert "sign in again" in await state.inner_text()


async def test_every_page_works_by_keyboard_and_without_javascript(browser: Browser, hub: HubProcess) -> None:
    async with Visitor.visiting(browser, hub.url, java_script_enabled=False) as visitor:
        await visitor.open(setup_link(hub))
        for text in ("ana", "ana@example.org", PASSWORD):
            await visitor.page.keyboard.press("Tab")
            while await visitor.page.evaluate("document.activeElement.tagName") != "INPUT":
                await visitor.page.keyboard.press("Tab")
            await visitor.page.keyboard.type(text)
        await visitor.page.keyboard.press("Enter")
        await visitor.page.get_by_text("Welcome, ana").wait_for()
        await create_private_channel(visitor)
        await visitor.open("/account")
        await fill(visitor, old=PASSWORD, new="a quite different phrase")
        await visitor.page.keyboard.press("Enter")
        await visitor.page.get_by_text("Your password is changed").wait_for()
        await visitor.page.get_by_role("button", name="Sign out").click()
        await visitor.page.get_by_text("You are signed out").wait_for()
        await visitor.open("/ci")

        assert await visitor.page.get_by_role("heading", name="Nothing here").is_visible()
        assert len(visitor.errors) == 1 and "404" in visitor.errors.pop()
