"""The access log: one line for each request, whatever answers it, and no secret in any of them."""

import asyncio
import dataclasses
import gc
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from hypercorn.protocol.ws_stream import WSStream
from quart import Blueprint
from yarl import URL

from app import create_app
from app.config import Settings
from app.telemetry.logs import ACCESS
from app.transport.wire import Wire
from tests.support.hub import ServedHub, serving
from tests.support.raw_socket import RawSocket
from tests.support.served import served
from tests.support.ways import Way, as_seen

type Fields = dict[str, Any]
notes = Blueprint("notes", __name__)


@notes.get("/notes")
async def show() -> str:
    return "five5"


class Lines(logging.Handler):
    """The fields of each line of the access log, and what is written about them."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[Fields] = []
        self.text = ""
        self._came = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.fields.append(vars(record)["fields"])
        self.text += record.getMessage() + str(self.fields[-1]) + "\n"
        self._came.set()

    async def of(self, path: str, count: int = 1) -> list[Fields]:
        """The lines of this path, once there are so many."""
        async with asyncio.timeout(10):
            while len(found := [each for each in self.fields if each["path"] == path]) < count:
                self._came.clear()
                await self._came.wait()
        return found


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, level = Lines(), ACCESS.level
    ACCESS.addHandler(handler)
    ACCESS.setLevel(logging.INFO)
    yield handler
    ACCESS.removeHandler(handler)
    ACCESS.setLevel(level)


@pytest.fixture
def settings(settings_sqlite: Settings) -> Settings:
    return dataclasses.replace(settings_sqlite, access_log=True, mount=("/shop=tests.support.shop:app",))


@pytest.fixture(params=[Way.DIRECT, Way.PLAIN])
async def hub(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[ServedHub]:
    app = create_app(settings, blueprints=[notes])
    async with (
        served(as_seen(request.param, app)) as url,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        yield ServedHub(app, url, http)


@pytest.mark.parametrize(
    ("method", "path", "status", "size"),
    [
        ("GET", "/notes", 200, 5),  # A blueprint, by Quart.
        ("HEAD", "/notes", 200, 0),
        ("GET", "/lobby", 200, None),
        ("POST", "/lobby", 201, None),  # The fast path.
        ("PUT", "/none", 404, None),
        ("GET", "/api/v1/channels/none", 404, None),
        ("GET", "/shop/stream", 200, 6),  # A mounted application.
        ("GET", "/shop/broken", 500, None),
    ],
)
async def test_a_request_is_one_line(
    hub: ServedHub, lines: Lines, method: str, path: str, status: int, size: int | None
) -> None:
    body = b"x" if method in ("POST", "PUT") else None
    async with hub.http.request(method, hub.url + path, data=body) as answer:
        received = len(await answer.read())
    (line,) = await lines.of(path)

    assert (line["method"], line["status"], answer.status) == (method, status, status)
    assert line["bytes"] == received and size in (None, received)
    assert line["address"] == "127.0.0.1" and 0 < line["duration_ms"] < 10_000
    assert len(lines.fields) == 1


async def test_a_request_that_is_refused_by_its_head_is_one_line(hub: ServedHub, lines: Lines) -> None:
    async with hub.http.get(URL(f"{hub.url}/needless%2Descape", encoded=True)) as answer:
        refused = answer.status
    (line,) = await lines.of("/needless-escape")

    assert (refused, line["status"]) == (404, 404)


async def test_the_request_id_user_and_token_are_those_of_the_answer(
    hub: ServedHub, lines: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    token = await hub.token("ana", name="ci")
    published = await hub.call("POST", "/lobby", token=token, data=b"hello")
    await hub.call("GET", "/api/v1/channels/lobby", token=token)
    anonymous = await hub.call("GET", "/api/v1/channels/none")
    first, *_ = await lines.of("/lobby")
    second, *_ = await lines.of("/api/v1/channels/lobby")
    third, *_ = await lines.of("/api/v1/channels/none")

    assert [(each["user"], each["token"]) for each in (first, second)] == [("ana", "ci")] * 2
    assert "user" not in third
    assert token not in lines.text and token.removeprefix("tw_") not in lines.text
    assert published.headers["X-Request-ID"] != anonymous.headers["X-Request-ID"]


async def test_a_stream_is_one_line_when_it_ends_with_the_bytes_of_its_updates(hub: ServedHub, lines: Lines) -> None:
    token = await hub.token("ana")
    ticket = (await hub.call("POST", "/api/v1/tickets", token=token)).json["ticket"]
    async with hub.http.get(f"{hub.url}/lobby/json", params={"ticket": ticket}) as stream:
        await hub.publish("lobby", body="x" * 1000)
        await stream.content.readline()
        during = [each for each in lines.fields if each["path"] == "/lobby/json"]
    (line,) = await lines.of("/lobby/json")

    assert during == []
    assert line["status"] == 200 and line["bytes"] > 1000 and line["user"] == "ana"
    assert ticket not in lines.text and "ticket=" not in lines.text


@pytest.mark.parametrize("by_ticket", [False, True])  # With a ticket it is Quart's handshake, without the fast one.
async def test_a_websocket_is_one_line_when_it_ends(hub: ServedHub, lines: Lines, by_ticket: bool) -> None:
    token = await hub.token("ana")
    query, headers = "", {"Authorization": f"Bearer {token}"}
    if by_ticket:
        query, headers = f"?ticket={(await hub.call('POST', '/api/v1/tickets', token=token)).json['ticket']}", {}
    async with hub.http.ws_connect(f"{hub.url}/api/v1/ws{query}", headers=headers) as socket:
        await socket.receive_json(timeout=5)
        during = [each for each in lines.fields if each["path"] == "/api/v1/ws"]
    (line,) = await lines.of("/api/v1/ws")

    assert during == []
    assert (line["status"], line["user"], line["method"]) == (101, "ana", "GET") and line["bytes"] > 20
    assert "ticket=" not in lines.text and token not in lines.text


async def test_a_refused_handshake_is_one_line(hub: ServedHub, lines: Lines) -> None:
    for query in ("", "?ticket=wrong"):
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await hub.http.ws_connect(f"{hub.url}/api/v1/ws{query}", headers={"Authorization": "Bearer tw_wrong"})
    found = await lines.of("/api/v1/ws", 2)

    assert [each["status"] for each in found] == [401, 401]
    assert "wrong" not in lines.text


async def test_a_target_that_is_a_whole_url_is_shown_without_its_password(hub: ServedHub, lines: Lines) -> None:
    head = b"GET http://ana:secret@localhost/livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    async with RawSocket(URL(hub.url).port or 0) as raw:
        await raw.send(head)
        (line,) = await lines.of("/livez")

    assert line["method"] == "GET" and "secret" not in lines.text


async def test_a_websocket_keeps_nothing_of_its_handshake(hub: ServedHub, lines: Lines) -> None:
    async with hub.http.ws_connect(f"{hub.url}/api/v1/ws") as socket:
        await socket.receive_json(timeout=5)
        is_plain = [each for each in gc.get_objects() if isinstance(each, Wire) and not each.is_direct]
        async with asyncio.timeout(10):
            while not is_plain and [each for each in gc.get_objects() if isinstance(each, WSStream | Wire)]:
                gc.collect()
                await asyncio.sleep(0.01)

    assert len(await lines.of("/api/v1/ws")) == 1


async def test_a_path_can_not_forge_a_line_and_an_escaped_query_is_cut(hub: ServedHub, lines: Lines) -> None:
    for path in ("/x%0A12:00:00%20INFO", "/lobby%3Fticket=secret", "/setup/secret", "/x//invite/secret"):
        async with hub.http.get(URL(f"{hub.url}{path}", encoded=True)):
            pass
    await lines.of("/x%0A12:00:00%20INFO")
    await lines.of("/lobby")

    assert "secret" not in lines.text


async def test_the_address_is_the_one_that_a_trusted_proxy_names(settings: Settings, lines: Lines) -> None:
    async with serving(dataclasses.replace(settings, trusted_proxies=1)) as hub:
        await hub.call("GET", "/livez", headers={"X-Forwarded-For": "203.0.113.9"})
        (line,) = await lines.of("/livez")

    assert line["address"] == "203.0.113.9"


async def test_it_is_off_by_default_and_then_in_no_layer(settings_sqlite: Settings, lines: Lines) -> None:
    async with serving(settings_sqlite) as hub:
        await hub.call("POST", "/lobby", data=b"hello")
        layers = [type(each).__name__ for each in (hub.app.asgi_app, hub.services.limits)]

    assert lines.fields == []
    assert layers == ["Supervisor", "RateLimits"]
