"""axe finds nothing on any page, in light and dark."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser

from tests.browser.test_accounts import create_private_channel, set_up
from tests.browser.visitor import Visitor, post
from tests.support.process import HubProcess

OPEN = ["/", "/lobby", "/lobby?before=2", "/signin", "/no-such-channel"]
SIGNED_IN = ["/account", "/account/tokens", "/admin/users", "/new", "/ci", "/ci/members", "/ci/settings"]


async def violations(visitor: Visitor, paths: list[str]) -> dict[str, list[str]]:
    """What axe finds on each page where it finds something."""
    found = {}
    for path in paths:
        await visitor.open(path)
        results = await Axe().run(visitor.page)
        if names := [f"{each['id']}: {each['nodes'][0]['html']}" for each in results.response["violations"]]:
            found[path] = names
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(browser: Browser, hub: HubProcess, scheme: str) -> None:
    await post(hub.url, "hello **there**", Title="Greeting", Markdown="yes", Progress="0.5", Level="error", Key="k")
    await post(hub.url, "second", Value="3", Unit="s", Tags="a,b", Link="https://example.org/")
    size = {"width": 390, "height": 844}
    async with Visitor.visiting(browser, hub.url, viewport=size, color_scheme=scheme) as visitor:
        found = await violations(visitor, OPEN)
        visitor.errors.clear()  # Of the page that is not there.
        await set_up(visitor, hub)
        await create_private_channel(visitor)
        found |= await violations(visitor, SIGNED_IN)

    assert found == {}
