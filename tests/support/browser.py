"""A real Chromium for the tests: found on this machine, or installed by `python -m tests.support.browser`."""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright
from playwright.sync_api import sync_playwright

GIVEN = "TIDEWIRE_TEST_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# The flags do not affect the page: they stop Chromium's requests to other servers than the hub under test.
ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

MISSING = f"""\
The browser tests need Chromium, and none was found, nor could one be installed from here.
Install Chromium or Google Chrome on the PATH, or set {GIVEN} to the path of its program.
"""


def find() -> str | None:
    """The program that TIDEWIRE_TEST_CHROMIUM names, one on the PATH, or Playwright's download."""
    if given := os.environ.get(GIVEN):
        return given
    for name in NAMES:
        if found := shutil.which(name):
            return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def find_or_install() -> str | None:
    """The result of `find`, after an installation where that needs no interaction."""
    steps = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        steps += [["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]]
    for step in [None, *steps]:
        if step is not None:
            print(f"No Chromium yet: {' '.join(step)}", flush=True)
            _attempt(step)
        if found := find():
            return found
    return None


def _attempt(step: list[str]) -> None:
    try:
        subprocess.run(
            step, timeout=600, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        print("The command took more than ten minutes and was stopped.", flush=True)


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A headless browser on this test's event loop, with an empty profile; closed at the end."""
    program = find()
    assert program is not None, MISSING
    arguments = [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=arguments, timeout=30_000)
        try:
            yield browser
        finally:
            await browser.close()


if __name__ == "__main__":
    if find_or_install() is None:
        sys.exit(MISSING)
