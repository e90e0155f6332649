"""Take the README's screenshots of a running hub: a live page, wide and narrow, light and dark, and the index."""

import asyncio
import sys
import tempfile
from pathlib import Path

import aiohttp
from playwright.async_api import Browser, Page, ViewportSize, expect

from app.actions.channels import provide_channel
from app.actions.setup import prepare_development
from app.actions.tokens import TokenDraft, create_token
from app.actions.users import create_user
from app.clock import now_ms
from app.config import Settings
from app.model.access import Principal, Scope, check_publish
from app.model.draft import check, draft_of
from app.model.submission import Stored, Submitted
from app.store.engine.database import Database
from app.store.log.append import Log, open_log
from benchmarks.backend import Storage, start_hub
from benchmarks.screenshot_data import CHANNELS, LIVE, LIVE_AUTHOR, LOBBY, PRODUCTION, SampleChannel, SampleUpdate
from tests.support import ROOT
from tests.support.browser import launched
from tests.support.process import HubProcess

IMAGES = ROOT / "docs" / "images"
MAX_BYTES = 300_000
_ADDRESS = "https://live.example.org"  # Shown in the commands to copy, where a loopback port would not help the reader.
_MINUTE = 60_000  # Milliseconds.
_DESKTOP: ViewportSize = {"width": 1440, "height": 900}
_PHONE: ViewportSize = {"width": 390, "height": 844}
# File name, path of the page, viewport, preferred colours, device pixels per CSS pixel.
_SHOTS = (
    ("channel-light", "production", _DESKTOP, "light", 1),
    ("channel-dark", "production", _DESKTOP, "dark", 1),
    ("phone-light", "production", _PHONE, "light", 2),
    ("phone-dark", "production", _PHONE, "dark", 2),
    ("index-light", "", _DESKTOP, "light", 1),
)


async def main() -> None:
    """Fill a hub, publish to it and write the screenshots. Raises AssertionError if a page is not as expected."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tidewire-screenshots-") as name:
        directory = Path(name)
        storage = Storage(f"sqlite+aiosqlite:///{directory / 'tidewire.db'}", None, directory)
        token = await _fill(Settings(env="testing", database_url=storage.database_url, data_dir=directory))
        async with start_hub(storage, TIDEWIRE_PUBLIC_URL=_ADDRESS) as hub, launched() as browser:
            await _publish_live(hub, browser, token)
            for shot in _SHOTS:
                await _take_screenshot(hub, browser, *shot)


async def _fill(settings: Settings) -> str:
    """Write the channels through the hub's own store, with times in the past; return a token that publishes."""
    db = Database(settings)
    log = open_log(db, settings)
    try:
        await prepare_development(db)
        for channel in CHANNELS:
            await provide_channel(db, channel.draft)
            await _write_updates(log, channel)
        await _append(log, "lobby", [LOBBY])
        await create_user(db, "ops", "ops@example.org", None, is_admin=True)
        scopes = frozenset({Scope.PUBLISH})
        return await create_token(
            db, TokenDraft(user="ops", name=LIVE_AUTHOR, scopes=scopes, channel=None, expires_at=None)
        )
    finally:
        await log.close()
        await db.close()


async def _write_updates(log: Log, channel: SampleChannel) -> None:
    for begin in range(0, channel.earlier_updates, 1000):
        count = min(1000, channel.earlier_updates - begin)
        await _append(log, channel.slug, [SampleUpdate(2880, channel.updates[0].author, channel.routine)] * count)
    for update in channel.updates:
        await _append(log, channel.slug, [update])


async def _append(log: Log, slug: str, updates: list[SampleUpdate]) -> None:
    author = Principal(user_id=None, user=updates[0].author, is_admin=True)
    submitted = [Submitted(slug, author, check([draft_of(each.update)])) for each in updates]
    at = now_ms() - round(updates[0].minutes_ago * _MINUTE)
    outcomes = await log.append(submitted, at, check_publish, 30)
    assert all(isinstance(outcome, Stored) for outcome in outcomes), outcomes


async def _publish_live(hub: HubProcess, browser: Browser, token: str) -> None:
    """Publish the newest update while a page is open, and wait until the page shows it."""
    context = await browser.new_context(viewport=_DESKTOP)
    try:
        page = await _open(hub, await context.new_page(), "production")
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{hub.url}/api/v1/channels/{PRODUCTION.slug}/updates"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(url, json=LIVE) as response,
        ):
            assert response.status == 201, await response.text()
        await expect(page.get_by_text(str(LIVE["title"]))).to_be_visible()
    finally:
        await context.close()


async def _take_screenshot(
    hub: HubProcess, browser: Browser, name: str, path: str, size: ViewportSize, colours: str, dots: int
) -> None:
    context = await browser.new_context(
        viewport=size,
        color_scheme="dark" if colours == "dark" else "light",
        device_scale_factor=dots,
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    try:
        page = await _open(hub, await context.new_page(), path)
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= size["width"], f"/{path} is {width} pixels wide on {size['width']}"
        image = IMAGES / f"{name}.png"
        await page.screenshot(path=image, animations="disabled", caret="hide")
    finally:
        await context.close()
    bytes_ = image.stat().st_size
    print(f"{image.relative_to(ROOT)}  {bytes_ / 1000:.0f} kB")
    assert bytes_ < MAX_BYTES, f"{image} is larger than {MAX_BYTES} bytes"


async def _open(hub: HubProcess, page: Page, path: str) -> Page:
    """Open a page; return once it is live, if it is a channel's, and its fonts are loaded."""
    failures: list[str] = []
    page.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: failures.append(str(error)))
    await page.goto(f"{hub.url}/{path}")
    if path:
        await expect(page.locator("[data-part=state]")).to_have_text("Live")
        await expect(page.locator("[data-part=watching]")).not_to_be_empty()
    await page.evaluate("document.fonts.ready")
    assert not failures, failures
    return page


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
