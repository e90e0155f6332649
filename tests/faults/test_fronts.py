"""The examples for nginx, Caddy, haproxy, Apache and Traefik: a hub behind each of them works as it does alone."""

import asyncio
import io
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path

import aiohttp
import pytest
import trustme

from tests.support.connector import Connector
from tests.support.event_source import EventSource
from tests.support.fronts import Front, installed
from tests.support.process import HubProcess
from tests.support.publisher import Publisher
from tests.support.watcher import Watcher

NAMES = installed()
BURST = 1000
PREFIX = "/updates"
each_front = pytest.mark.parametrize("front", NAMES, indirect=True)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fronts")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Signs the certificates that the servers show."""
    return trustme.CA()


@pytest.fixture(scope="module")
def trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@contextmanager
def running(directory: Path, settings: dict[str, str]) -> Iterator[HubProcess]:
    """A hub of its own, started and ended outside of the tests' event loops."""
    hub = HubProcess(directory, settings)
    try:
        asyncio.run(hub.start())
        yield hub
    finally:
        asyncio.run(hub.close())


@pytest.fixture(scope="module")
def hub(base: Path) -> Iterator[HubProcess]:
    """One hub behind them all. An allowance refills slowly, so that two calls in a row are counted as two."""
    settings = {
        "TIDEWIRE_TRUSTED_PROXIES": "1",
        "TIDEWIRE_ANONYMOUS_RATE": "0.1",
        "TIDEWIRE_ANONYMOUS_BURST": str(BURST),
    }
    with running(base / "hub", settings) as hub:
        yield hub


@pytest.fixture(scope="module")
def hub_with_prefix(base: Path) -> Iterator[HubProcess]:
    """Another hub, under a path of its host."""
    settings = {"TIDEWIRE_TRUSTED_PROXIES": "1", "TIDEWIRE_PUBLIC_URL": f"https://localhost{PREFIX}"}
    with running(base / "hub-with-prefix", settings) as hub:
        yield hub


@pytest.fixture(scope="module")
def fronts(base: Path, hub: HubProcess, authority: trustme.CA) -> Iterator[dict[str, Front]]:
    """Every server that this machine has, by the example's name."""
    found = {name: Front(name, base / name.replace(" ", "-"), hub.port, authority) for name in NAMES}
    with ExitStack() as stack, ThreadPoolExecutor() as threads:
        for front in found.values():
            stack.callback(front.close)
        list(threads.map(Front.start, found.values()))
        yield found


@pytest.fixture
def front(request: pytest.FixtureRequest, fronts: dict[str, Front]) -> Front:
    name: str = request.param
    return fronts[name]


@asynccontextmanager
async def browsing(front: Front, trust: ssl.SSLContext) -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(front.url, connector=Connector(trust), timeout=timeout) as session:
        yield session


async def until(holds: Callable[[], bool], what: str, *, within: float = 15) -> None:
    """Wait for what happens in another thread."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"no {what} within {within} s"
        await asyncio.sleep(0.01)


@each_front
async def test_a_page_names_the_address_that_the_browser_opened(front: Front, trust: ssl.SSLContext) -> None:
    async with browsing(front, trust) as session, session.get("/lobby", headers={"Accept": "text/html"}) as answer:
        page = await answer.text()

    assert answer.status == 200
    assert f"{front.url}/lobby" in page


@each_front
async def test_a_caller_can_not_claim_another_address(front: Front, trust: ssl.SSLContext) -> None:
    left = []
    async with browsing(front, trust) as session:
        for claimed in ("203.0.113.1", "203.0.113.2"):
            async with session.get("/api/v1/channels", headers={"X-Forwarded-For": claimed}) as answer:
                left.append(int(answer.headers["RateLimit-Remaining"]))

    assert left[1] == left[0] - 1 < BURST - 1


@each_front
async def test_metrics_and_readiness_are_private(front: Front, trust: ssl.SSLContext) -> None:
    async with browsing(front, trust) as session:
        for path, status in {"/metrics": 404, "/readyz": 404, "/healthz": 200}.items():
            async with session.get(path) as answer:
                assert answer.status == status, path


@each_front
async def test_a_body_of_the_hubs_largest_size_reaches_it(front: Front, trust: ssl.SSLContext) -> None:
    body, headers = io.BytesIO(b"[" + b" " * 8_000_000 + b"]"), {"Content-Type": "application/json"}
    async with (
        browsing(front, trust) as session,
        session.post("/api/v1/channels/lobby/updates", data=body, headers=headers) as answer,
    ):
        error = await answer.json()

    assert "code" in error["error"], error


@each_front
async def test_plain_http_is_redirected(front: Front, trust: ssl.SSLContext) -> None:
    if front.url == front.plain_url:
        return  # Another proxy adds TLS to this one.
    async with (
        browsing(front, trust) as session,
        session.get(f"{front.plain_url}/lobby", allow_redirects=False) as answer,
    ):
        target = answer.headers["Location"]

    assert answer.status in (301, 308)
    assert target.startswith("https://localhost") and target.endswith("/lobby")


@each_front
async def test_websockets_and_streams_receive_an_update_at_once(
    front: Front, hub: HubProcess, trust: ssl.SSLContext
) -> None:
    with EventSource(front.url, "/lobby/sse", trust) as source:
        async with (
            Watcher(front.url, channel="lobby", after=None, trust=trust) as socket,
            Publisher(hub.url, channel="lobby") as publisher,
        ):
            await socket.live()
            await until(lambda: source.connections == 1, "stream")
            for _ in range(3):
                seq = (await publisher.publish()).seq
                await socket.seen(seq, within=1)
                await until(lambda seq=seq: source.seqs[-1:] == [seq], f"seq {seq}", within=1)  # type: ignore[misc]


@each_front
async def test_a_hub_under_a_path_of_its_host_is_whole_and_its_metrics_are_private(
    front: Front, hub_with_prefix: HubProcess, authority: trustme.CA, trust: ssl.SSLContext, tmp_path: Path
) -> None:
    own = Front(front.name, tmp_path / "front", hub_with_prefix.port, authority)
    with closing(own):
        await asyncio.to_thread(own.start)
        url = own.url + PREFIX
        async with browsing(own, trust) as session:
            for path, status in {"/": 200, "/lobby": 200, "/metrics": 404, "/readyz": 404}.items():
                async with session.get(PREFIX + path) as answer:
                    assert answer.status == status, path
        with EventSource(own.url, f"{PREFIX}/lobby/sse", trust) as source:
            async with (
                Watcher(url, channel="lobby", after=None, trust=trust) as socket,
                Publisher(hub_with_prefix.url, channel="lobby") as publisher,
            ):
                await socket.live()
                await until(lambda: source.connections == 1, "stream")
                seq = (await publisher.publish()).seq
                await socket.seen(seq, within=1)
                await until(lambda: source.seqs == [seq], f"seq {seq}", within=1)


async def test_event_sources_outlive_a_hub_that_is_killed(
    fronts: dict[str, Front], hub: HubProcess, trust: ssl.SSLContext
) -> None:
    async with Publisher(hub.url, channel="lobby") as publisher:
        with ExitStack() as stack:
            first = (await publisher.publish()).seq
            path = f"/lobby/sse?after={first - 1}"
            sources = {name: stack.enter_context(EventSource(front.url, path, trust)) for name, front in fronts.items()}
            for name, source in sources.items():
                await until(lambda source=source: bool(source.seqs), f"update by {name}")  # type: ignore[misc]
            await hub.kill()
            for name in set(sources) - {"traefik"}:  # It holds a request until the hub is back.
                await until(lambda name=name: sources[name].connections > 1, f"answer of {name}")  # type: ignore[misc]
                await assert_empty_stream(fronts[name], trust)
            await hub.start()
            last = (await publisher.publish()).seq
            for name, source in sources.items():
                await until(
                    lambda source=source: last in source.seqs or source.failure is not None,  # type: ignore[misc]
                    f"update by {name}",
                )
                assert (source.failure, source.seqs) == (None, [*range(first, last + 1)]), name


async def assert_empty_stream(front: Front, trust: ssl.SSLContext) -> None:
    """While no hub answers, a page of another site receives a stream that it may read; every other client, an error."""
    async with browsing(front, trust) as session:
        for path in ("/lobby/sse?last=1", "/api/v1/channels/lobby/stream"):
            async with session.get(path, headers={"Origin": "https://shop.example"}) as answer:
                assert (answer.status, answer.content_type) == (200, "text/event-stream"), front.name
                assert await answer.text() == "retry: 2000\n\n"
                assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        async with session.get("/lobby/json") as answer:
            assert answer.status in (502, 503), front.name
