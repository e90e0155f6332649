"""The README's pictures, taken of a running hub: a live page, wide and narrow, light and dark, and the channels."""

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
from app.store.log.append import Log
from benchmarks.pictured import CHANNELS, LIVE, LIVE_AUTHOR, LOBBY, PRODUCTION, Pictured, Said
from benchmarks.place import Place, started
from tests.support.browser import launched
from tests.support.process import ROOT, HubProcess

IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 300_000
_ADDRESS = (
    "https://live.example.org"  # Shown in the commands to copy: a test's own port would mean nothing to a reader.
)
_MINUTE = 60_000  # Milliseconds, as the log counts.
_DESK: ViewportSize = {"width": 1440, "height": 900}
_PHONE: ViewportSize = {"width": 390, "height": 844}
# The picture's name, its page, its size, the colours that the reader prefers, and the dots to a pixel.
_SHOTS = (
    ("channel-light", "production", _DESK, "light", 1),
    ("channel-dark", "production", _DESK, "dark", 1),
    ("phone-light", "production", _PHONE, "light", 2),
    ("phone-dark", "production", _PHONE, "dark", 2),
    ("index-light", "", _DESK, "light", 1),
)


async def main() -> None:
    """Fill a hub, look at it, and write the pictures; raises AssertionError when a page is not as it should be."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tidewire-pictures-") as name:
        directory = Path(name)
        place = Place(f"sqlite+aiosqlite:///{directory / 'tidewire.db'}", None, directory)
        token = await _fill(Settings(env="testing", database_url=place.database_url, data_dir=directory))
        async with started(place, TIDEWIRE_PUBLIC_URL=_ADDRESS) as hub, launched() as browser:
            await _come_live(hub, browser, token)
            for shot in _SHOTS:
                await _take(hub, browser, *shot)


async def _fill(settings: Settings) -> str:
    """Write the channels through the hub's own store, with times in the past; a token to publish with."""
    db = Database(settings)
    log = Log(db, settings)
    try:
        await prepare_development(db)
        for channel in CHANNELS:
            await provide_channel(db, channel.draft)
            await _tell(log, channel)
        await _append(log, "lobby", [LOBBY])
        await create_user(db, "ops", "ops@example.org", None, is_admin=True)
        scopes = frozenset({Scope.PUBLISH})
        return await create_token(
            db, TokenDraft(user="ops", name=LIVE_AUTHOR, scopes=scopes, channel=None, expires_at=None)
        )
    finally:
        await log.close()
        await db.close()


async def _tell(log: Log, channel: Pictured) -> None:
    for begin in range(0, channel.earlier, 1000):
        count = min(1000, channel.earlier - begin)
        await _append(log, channel.slug, [Said(2880, channel.said[0].author, channel.routine)] * count)
    for said in channel.said:
        await _append(log, channel.slug, [said])


async def _append(log: Log, slug: str, said: list[Said]) -> None:
    who = Principal(user_id=None, user=said[0].author, is_admin=True)
    submitted = [Submitted(slug, who, check([draft_of(each.update)])) for each in said]
    at = now_ms() - round(said[0].minutes_ago * _MINUTE)
    outcomes = await log.append(submitted, at, check_publish, 30)
    assert all(isinstance(outcome, Stored) for outcome in outcomes), outcomes


async def _come_live(hub: HubProcess, browser: Browser, token: str) -> None:
    """Publish what stands on top of every picture while a page is open, which has to show it."""
    context = await browser.new_context(viewport=_DESK)
    try:
        page = await _open(hub, await context.new_page(), "production")
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{hub.url}/api/v1/channels/{PRODUCTION.slug}/updates"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(url, json=LIVE) as answer,
        ):
            assert answer.status == 201, await answer.text()
        await expect(page.get_by_text(str(LIVE["title"]))).to_be_visible()
    finally:
        await context.close()


async def _take(
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
        picture = IMAGES / f"{name}.png"
        await page.screenshot(path=picture, animations="disabled", caret="hide")
    finally:
        await context.close()
    bytes_ = picture.stat().st_size
    print(f"{picture.relative_to(ROOT)}  {bytes_ / 1000:.0f} kB")
    assert bytes_ < MOST_BYTES, f"{picture} is larger than {MOST_BYTES} bytes"


async def _open(hub: HubProcess, page: Page, path: str) -> Page:
    """The page, once it is live where it can be, and its fonts are there."""
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
