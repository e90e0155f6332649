"""The memory of a hub's process, from the operating system, and the hub's own metrics."""

import asyncio
from pathlib import Path

import aiohttp

from tests.support.process import HubProcess

MIB = 2**20
PAGE = 4096  # bytes


def resident(hub: HubProcess) -> int:
    """The resident memory of the hub, in bytes."""
    return int(Path(f"/proc/{hub.pid}/statm").read_text().split()[1]) * PAGE


async def until_metric(hub: HubProcess, name: str, value: float, *, within: float) -> None:
    """Wait until the hub's metric has exactly that value."""
    found: list[str] = []
    try:
        async with asyncio.timeout(within), aiohttp.ClientSession(hub.url) as session:
            while f"{name} {value:.1f}" not in found:
                async with session.get("/metrics") as response:
                    found = [line for line in (await response.text()).splitlines() if line.startswith(f"{name} ")]
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{name} is not {value} after {within} s but {found}") from None
