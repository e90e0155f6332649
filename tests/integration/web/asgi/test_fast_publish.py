"""The fast path of a publish: the same answers as by Quart, and never past anything that was added to the hub."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from quart import Blueprint, Quart, Response, g, request, signals

from app import create_app
from app.config import Settings
from app.web.asgi.fast_publish import FastPublish
from tests.support.hub import Answered, ServedHub, serving

PATH = "/api/v1/channels/ci/updates"
BY_QUART = "?unit="  # The fast path takes no query; this one sets nothing.
# One of each kind of answer: both paths make a `Call`, and everything else is a function of it.
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", PATH, {"json": {"updates": [{"body": "x"}, {"value": 1}]}}),
    ("POST", PATH, {"json": {"updates": [{"body": "x"}, {}]}}),
    ("POST", PATH, {"data": b"x=1", "headers": {"Content-Type": "text/plain; charset=utf-8"}}),
    ("POST", PATH, {"json": {"body": "x"}, "headers": {"Authorization": "Bearer tw_unknown"}}),
    ("POST", PATH, {"json": {"body": "x"}, "headers": {"Origin": "https://pages.example"}}),
    ("POST", PATH, {"json": {"body": "x"}, "headers": {"X-Request-ID": "mine-1"}}),
    ("POST", PATH, {"json": {"body": "x"}, "headers": {"X-Request-ID": "not mine"}}),
    ("POST", PATH.replace("ci", "secret"), {"json": {"body": "x"}}),
    ("POST", PATH.replace("ci", "Wr%20ong"), {"json": {"body": "x"}}),
    ("POST", "/ci", {"data": "hello ✓", "headers": {"Title": "T", "Tags": "a, b", "Value": "1.5", "Markdown": "yes"}}),
    ("PUT", "/ci", {"data": b"\xff"}),
    ("POST", "/ci", {"data": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}),
    ("POST", "/ci", {"data": b"\xef\xbb\xbfx", "headers": {"Data": "[1]", "Level": "WARN", "Gone": "maybe"}}),
    ("PUT", PATH, {"json": {"body": "x"}}),
]


def answered(answer: Answered) -> tuple[int, list[tuple[str, str]], Any]:
    """The answer without what differs from one call to the next."""
    volatile = {"date", "x-request-id", "content-length", "ratelimit-remaining", "ratelimit-reset"}
    headers = sorted(
        (name.lower(), "" if name.lower() in volatile else value) for name, value in answer.headers.items()
    )
    return answer.status, headers, _without(answer.json, {"seq", "id", "at", "request_id"})


def _without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(each, names) for name, each in value.items() if name not in names}
    return [_without(each, names) for each in value] if isinstance(value, list) else value


async def test_each_call_is_answered_as_by_quart(settings_sqlite: Settings) -> None:
    async with serving(replace(settings_sqlite, allowed_origins=("https://pages.example",))) as hub:
        await hub.channel("ci")
        await hub.private("secret")
        for method, path, given in CALLS:
            fast, slow = await hub.call(method, path, **given), await hub.call(method, path + BY_QUART, **given)

            assert answered(fast) == answered(slow), (method, path, given)
            given_id = given.get("headers", {}).get("X-Request-ID")
            assert (fast.headers["X-Request-ID"] == given_id) == (given_id == "mine-1")


async def test_a_replay_and_a_conflict_are_answered_as_by_quart(hub: ServedHub) -> None:
    await hub.channel("ci")
    headers = {"Idempotency-Key": "k"}
    for _ in range(2):
        first, again, other = [
            await hub.call("POST", path, json={"body": body}, headers=headers)
            for path, body in ((PATH, "x"), (PATH + BY_QUART, "x"), (PATH, "y"))
        ]

        assert again.status == 200 and again.headers["Idempotent-Replayed"] == "true" and again.json == first.json
        assert (other.status, other.code) == (409, "conflict")


async def test_limits_are_counted_together(settings_sqlite: Settings) -> None:
    async with serving(replace(settings_sqlite, anonymous_rate=0.1, anonymous_burst=3)) as hub:
        await hub.channel("ci")
        answers = [await hub.call("POST", path, json={"body": "x"}) for path in (PATH, PATH + BY_QUART) * 2]

    assert [answer.status for answer in answers] == [201, 201, 201, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert int(answers[3].headers["Retry-After"]) >= 1


async def test_a_body_that_does_not_arrive_is_answered_in_time(settings_sqlite: Settings) -> None:
    async with serving(replace(settings_sqlite, query_timeout=0.3)) as hub:
        host, port = hub.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 20\r\n\r\n{{".encode())
        async with asyncio.timeout(10):
            answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")


def scope(method: str = "POST", path: str = PATH, length: int | None = 10, **more: Any) -> dict[str, Any]:
    """A request's ASGI scope."""
    headers = [(b"content-length", b"%d" % length)] if length is not None else []
    return {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers, **more}


def test_only_a_plain_publish_takes_the_fast_path(settings_sqlite: Settings) -> None:
    path = layer_of(create_app(settings_sqlite))

    assert path.find(scope()) == ("tidewire_api_updates.post_updates", "ci")
    assert path.find(scope(path="/ci")) == path.find(scope("PUT", "/ci")) == ("tidewire_text_publish.post", "ci")
    assert path.find(scope(path=f"/hub{PATH}", root_path="/hub")) == path.find(scope())
    assert [
        path.find(other)
        for other in (
            scope("GET"), scope("PUT"), scope(path="/"), scope(path="/api/v1/channels"), scope(path="/ci/"),
            scope(length=None), scope(length=65537), scope(query_string=b"title=x"),
            scope(type="websocket"), scope(headers=[(b"transfer-encoding", b"chunked")]),
        )
    ] == [None] * 10  # fmt: skip


def layer_of(app: Quart) -> FastPublish:
    """The layer itself, inside the layers that wrap it."""
    layer: Any = app.asgi_app
    while not isinstance(layer, FastPublish):
        layer = layer._inner
    return layer


async def _hook(*_: object) -> None:
    """A hook that is added to the hub."""


async def _response_hook(response: Response) -> Response:
    return response


@pytest.mark.parametrize(
    "add_hook",
    [
        lambda app: app.before_request(_hook),
        lambda app: app.after_request(_response_hook),
        lambda app: app.teardown_request(_hook),
        lambda app: app.teardown_appcontext(_hook),
        lambda app: app.url_value_preprocessor(lambda endpoint, values: None),
        lambda app: app.register_error_handler(404, _hook),
        lambda app: app.register_error_handler(ValueError, _hook),
        lambda app: app.view_functions.update({"tidewire_text_publish.post": _hook}),
        lambda app: app.register_blueprint(_hooking_blueprint()),
    ],
)
def test_the_fast_path_is_not_taken_once_a_hook_is_added_to_the_hub(
    settings_sqlite: Settings, add_hook: Callable[[Quart], object]
) -> None:
    app = create_app(settings_sqlite)
    add_hook(app)

    assert layer_of(app).find(scope()) is None


def _hooking_blueprint() -> Blueprint:
    blueprint = Blueprint("hooking", __name__)
    blueprint.before_app_request(_hook)
    return blueprint


def test_the_fast_path_is_not_taken_while_a_signal_has_a_receiver(settings_sqlite: Settings) -> None:
    path = layer_of(create_app(settings_sqlite))
    with signals.request_finished.connected_to(_hook):
        with_receiver = path.find(scope())

    assert (with_receiver, path.find(scope())) == (None, ("tidewire_api_updates.post_updates", "ci"))


async def test_a_blueprint_keeps_its_routes(settings_sqlite: Settings) -> None:
    mine = Blueprint("mine", __name__)

    @mine.post("/guestbook")
    async def sign() -> str:
        return f"signed by {await request.get_data(as_text=True)!s}"

    async with serving(settings_sqlite, blueprints=[mine]) as hub:
        signed = await hub.call("POST", "/guestbook", data="ana")
        posted = await hub.call("POST", "/lobby", data="hello")

    assert (signed.body, posted.status) == (b"signed by ana", 201)


async def test_a_blueprints_hooks_run_for_every_request(settings_sqlite: Settings) -> None:
    mine = Blueprint("mine", __name__)

    @mine.before_app_request
    async def note() -> None:
        g.noted = "yes"

    @mine.after_app_request
    async def show(response: Response) -> Response:
        response.headers["X-Noted"] = g.noted
        return response

    async with serving(settings_sqlite, blueprints=[mine]) as hub:
        noted = await hub.call("POST", "/lobby", data="hello")

    assert (noted.status, noted.headers["X-Noted"]) == (201, "yes")
