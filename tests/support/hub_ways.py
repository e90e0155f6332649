"""A hub served inside the test in one of the ways, and the objects left in memory after all clients disconnected."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from app import create_app
from app.config import Settings
from tests.support.hub import ServedHub
from tests.support.raw_socket import RawSocket
from tests.support.served import served
from tests.support.ways import Way, as_seen

# All load comes from one address.
HIGH_LIMITS: dict[str, Any] = {"anonymous_rate": 100_000.0, "anonymous_burst": 100_000}


@asynccontextmanager
async def serving_as(way: Way, settings: Settings, **changes: Any) -> AsyncIterator[ServedHub]:
    """Serve a hub with these settings on a free loopback port, on the running loop; call it within `ways.run`."""
    app = create_app(replace(settings, **HIGH_LIMITS, **changes))
    async with served(as_seen(way, app)) as url, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield ServedHub(app, url, http)


def held() -> Counter[str]:
    """The number of objects of each class of the live part and the web, by class name."""
    gc.collect()
    kinds = (type(found) for found in gc.get_objects())
    return Counter(kind.__qualname__ for kind in kinds if str(kind.__module__).startswith(("app.live.", "app.web.")))


def readers() -> list[str]:
    """The names of the tasks that follow a channel for a watcher, or load data for one."""
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith(("watch", "load"))]


async def until(condition: Callable[[], object], *, within: float = 10) -> None:
    """Return once the condition holds. Raises TimeoutError."""
    async with asyncio.timeout(within):
        for _ in count():
            if condition():
                return
            await asyncio.sleep(0.02)


async def until_let_go(before: Counter[str], *, but: int, within: float = 10) -> None:
    """Return once no class has more than `but` objects more than before; the cleanup takes some passes of the loop."""
    try:
        await until(lambda: max((held() - before).values(), default=0) <= but, within=within)
    except TimeoutError:
        raise AssertionError(f"still held after {within} s: {held() - before}") from None


async def until_nobody(hub: ServedHub, *, within: float = 10) -> None:
    """Return once no client is connected, no feed is open and no task reads."""
    services = hub.services
    await until(lambda: not (services.connections.principals() or services.hub.feeds() or readers()), within=within)
    assert services.hub.presence.everything_here() == {}


def raw_socket(hub: ServedHub, **given: Any) -> RawSocket:
    """A raw TCP connection to the hub."""
    return RawSocket(urlsplit(hub.url).port or 0, **given)


async def publish_all(hub: ServedHub, slug: str, batches: int, size: int = 20, text: str = "x" * 200) -> None:
    """Publish that many batches in a row, with short pauses, so that flushes have many sizes."""
    for number in range(batches):
        answer = await hub.call("POST", f"/api/v1/channels/{slug}/updates", json={"updates": [{"body": text}] * size})
        assert answer.status == 201
        await asyncio.sleep(0.002 * (number % 3))
