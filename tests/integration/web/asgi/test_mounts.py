"""A Flask application beside the hub works as it does alone, and takes no more than its bounds."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import aiohttp
import pytest

from app import create_app
from app.config import ConfigError, Settings
from tests.support import shop
from tests.support.hub import ServedHub, serving

MAX_BYTES = 65_536


@pytest.fixture
async def hub(settings_sqlite: Settings) -> AsyncIterator[ServedHub]:
    mount = ("/shop=tests.support.shop:app", "/shop/bare=tests.support.shop:bare")
    async with serving(dataclasses.replace(settings_sqlite, mount=mount, max_request_bytes=MAX_BYTES)) as served_hub:
        yield served_hub


async def test_the_application_receives_its_mount_path_and_the_request(hub: ServedHub) -> None:
    answer = await hub.call("GET", "/shop/?a=1&a=%C3%A4", headers={"X-Real": "yes", "X_Real": "no", "Proxy": "evil"})

    assert answer.json == {
        "script": "/shop",
        "path": "/",
        "here": "/shop/",
        "static": "/shop/static/guestbook.html",
        "outside": f"{hub.url}/shop/",
        "query": {"a": ["1", "ä"]},
        "address": "127.0.0.1",
        "headers": {"Proxy": None, "X-Real": "yes"},
    }


async def test_the_mount_without_its_slash_redirects_to_it(hub: ServedHub) -> None:
    answer = await hub.call("GET", "/shop")

    assert (answer.status, answer.headers["Location"]) == (308, f"{hub.url}/shop/")


async def test_paths_are_passed_on_decoded(hub: ServedHub) -> None:
    answer = await hub.call("GET", "/shop/items/7/a%20b/%C3%A4")

    assert answer.json == {"number": 7, "name": "a b/ä"}


async def test_static_files_and_conditional_requests(hub: ServedHub) -> None:
    first = await hub.call("GET", "/shop/static/guestbook.html")
    again = await hub.call("GET", "/shop/static/guestbook.html", headers={"If-None-Match": first.headers["ETag"]})

    assert (first.status, b"layout.html" in first.body) == (200, True)
    assert (again.status, again.body) == (304, b"")


async def test_a_form_a_session_and_a_redirect(hub: ServedHub) -> None:
    jar = aiohttp.CookieJar(unsafe=True)  # It keeps cookies of a bare IP address too.
    async with aiohttp.ClientSession(cookie_jar=jar, cookies={"other": "1"}) as browser:
        async with browser.post(hub.url + "/shop/cart", data={"item": "tea"}) as answer:
            first = await answer.json()
        async with browser.post(hub.url + "/shop/cart", data={"item": "salt & pepper"}) as answer:
            second = await answer.json()

    assert answer.history[0].status == 302 and answer.history[0].headers["Location"] == "/shop/cart"
    assert first == {"cart": ["tea"], "cookie": "1"}
    assert second == {"cart": ["tea", "salt & pepper"], "cookie": "1"}


async def test_a_file_is_uploaded_whole(hub: ServedHub) -> None:
    data = bytes(range(256)) * 200
    form = aiohttp.FormData()
    form.add_field("picture", data, filename="me.png")
    form.add_field("title", "ä")

    answer = await hub.call("POST", "/shop/picture", data=form)

    assert answer.json == {"name": "me.png", "size": len(data), "sum": sum(data), "title": "ä"}


async def test_a_chunked_body_arrives(hub: ServedHub) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 1000

    answer = await hub.call("POST", "/shop/raw", data=pieces())

    assert answer.json == {"size": 10_000, "length": 10_000}


async def test_a_body_over_the_bound_is_refused_and_one_at_it_is_not(hub: ServedHub) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(MAX_BYTES // 1000 + 1):
            yield b"x" * 1000

    named = await hub.call("POST", "/shop/raw", data=b"x" * (MAX_BYTES + 1))
    chunked = await hub.call("POST", "/shop/raw", data=pieces())
    at_it = await hub.call("POST", "/shop/raw", data=b"x" * MAX_BYTES)

    assert (named.status, chunked.status, at_it.status) == (413, 413, 200)
    assert str(MAX_BYTES) in named.body.decode()


async def test_answers_stream_and_answers_without_a_body_end(hub: ServedHub) -> None:
    streamed = await hub.call("GET", "/shop/stream")
    empty = await hub.call("GET", "/shop/empty")
    head = await hub.call("HEAD", "/shop/cart")

    assert (streamed.status, streamed.body) == (200, b"0\n1\n2\n")
    assert (empty.status, empty.body) == (204, b"")
    assert (head.status, head.body) == (200, b"")


async def test_an_endless_stream_ends_with_its_client(hub: ServedHub) -> None:
    shop.left.clear()
    async with hub.http.get(hub.url + "/shop/endless") as answer:
        assert await answer.content.readline() == b"tick\n"
        answer.close()

    assert await asyncio.to_thread(shop.left.wait, 10)


async def test_endless_streams_do_not_hold_up_the_hub(hub: ServedHub) -> None:
    """There are more of them than threads: the mounted application waits, the hub does not."""

    async def hold(first: asyncio.Event) -> None:
        async with hub.http.get(hub.url + "/shop/endless") as answer:
            async for _ in answer.content:
                first.set()

    async with asyncio.TaskGroup() as tasks:
        streaming = asyncio.Event()
        held = [tasks.create_task(hold(streaming)) for _ in range(20)]
        await streaming.wait()
        answer = await hub.call("POST", "/lobby", data=b"hello")
        for each in held:
            each.cancel()

    assert answer.status == 201
    assert (await hub.call("GET", "/shop/")).status == 200


async def test_errors_inside_stay_the_applications_own_and_show_no_trace(hub: ServedHub) -> None:
    answers = {path: await hub.call("GET", f"/shop/{path}") for path in ("nothing", "gone", "broken", "bare/broken")}

    assert {path: answer.status for path, answer in answers.items()} == {
        "nothing": 404,
        "gone": 410,
        "broken": 500,
        "bare/broken": 500,
    }
    assert not [path for path, answer in answers.items() if b"secret" in answer.body or b"Traceback" in answer.body]


async def test_an_answer_that_breaks_off_is_received_as_incomplete(hub: ServedHub) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        await hub.call("GET", "/shop/half")


async def test_the_hub_answers_beside_it(hub: ServedHub) -> None:
    paths = ("/", "/healthz", "/lobby", "/shopping", "/api/v1/channels")
    statuses = {path: (await hub.call("GET", path)).status for path in paths}

    assert statuses == {"/": 200, "/healthz": 200, "/lobby": 200, "/shopping": 404, "/api/v1/channels": 200}


async def test_a_websocket_to_the_application_is_refused(hub: ServedHub) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await hub.http.ws_connect(hub.url + "/shop/")

    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("/=tests.support.shop:app", "must be /path=module:name"),
        ("shop=tests.support.shop:app", "must be /path=module:name"),
        ("/shop/=tests.support.shop:app", "must be /path=module:name"),
        ("/shop", "must be /path=module:name"),
        ("/api=tests.support.shop:app", "hide the hub's own /api"),
        ("/api/v2=tests.support.shop:app", "hide the hub's own /api"),
        ("/robots.txt=tests.support.shop:app", "hide the hub's own"),
        ("/shop=tests.support.shop", "must be module:name"),
        ("/shop=tests.support.nothing:app", "can't be imported"),
        ("/shop=tests.support.shop:missing", "is not there"),
        ("/shop=tests.support.shop:__name__", "must be a WSGI application"),
    ],
)
def test_a_mount_that_can_not_work_is_refused_at_the_start(settings_sqlite: Settings, entry: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"TIDEWIRE_MOUNT.*{reason}"):
        create_app(dataclasses.replace(settings_sqlite, mount=(entry,)))


def test_a_path_is_mounted_once(settings_sqlite: Settings) -> None:
    twice = ("/shop=tests.support.shop:app", "/shop=tests.support.shop:bare")

    with pytest.raises(ConfigError, match="/shop is named twice"):
        create_app(dataclasses.replace(settings_sqlite, mount=twice))
