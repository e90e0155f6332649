"""Every error has one form: its status, a code for programs, a sentence for users, a request id, and no trace."""

import re
from dataclasses import replace
from typing import Any

import pytest
from quart import Blueprint

from app.config import Settings
from app.errors import INTERNAL_CODE, REFUSALS
from tests.support.hub import Answered, ServedHub, serving

UPDATES = "/api/v1/channels/lobby/updates"
JSON = {"Content-Type": "application/json"}
TRACE = re.compile(r"Traceback|File \"|\.py\b|line \d+|0x[0-9a-f]{6}")


def assert_error(answer: Answered, status: int, code: str, field: str | None = None) -> None:
    """The answer has the form that the contract gives to every error."""
    error = answer.json["error"]
    assert (answer.status, error["code"], error["field"]) == (status, code, field), answer
    assert set(answer.json) == {"error"}
    assert set(error) == {"code", "message", "field", "request_id"}
    assert error["request_id"] == answer.headers["X-Request-ID"]
    assert error["message"].endswith(".") and not TRACE.search(error["message"])
    assert answer.headers["Content-Type"] == "application/json"


def test_the_codes_are_those_of_the_contract() -> None:
    codes = {kind.code for kind in REFUSALS} | {INTERNAL_CODE}

    assert codes == set(
        "invalid_request invalid_update unauthenticated forbidden not_found conflict too_large "
        "unsupported_media_type rate_limited unavailable internal".split()
    )


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/channels", "/api/v1/channels/a/b"])
async def test_an_unknown_address_is_not_found_in_json_even_for_a_browser(hub_sqlite: ServedHub, path: str) -> None:
    assert_error(await hub_sqlite.call("GET", path, headers={"Accept": "text/html"}), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/v1/channels", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("DELETE", "/api/v1/channels", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("POST", "/api/v1/channels/lobby", {"GET", "HEAD", "OPTIONS", "PATCH", "DELETE"}),
        ("PUT", UPDATES, {"GET", "HEAD", "OPTIONS", "POST"}),
        ("POST", "/api/v1/channels/lobby/board", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/api/v1/channels/lobby/presence", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/api/v1/channels/lobby/stream", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/api/v1/tickets", {"OPTIONS", "POST"}),
        ("BREW", UPDATES, {"GET", "HEAD", "OPTIONS", "POST"}),
    ],
)
async def test_a_method_that_a_call_does_not_have_is_answered_with_those_it_has(
    hub_sqlite: ServedHub, method: str, path: str, allowed: set[str]
) -> None:
    answer = await hub_sqlite.call(method, path)

    assert_error(answer, 405, "invalid_request")
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"hello", b"[]", b"null", b'{"body": "x"} extra', b'{"value": NaN}', b'{"body": "\xff"}',
     b'{"body": "\\ud800"}', b"\xef\xbb\xbf{}", b'{"data":' + b"[" * 60_000],
    ids=range(11),
)  # fmt: skip
async def test_broken_json_is_an_invalid_request_on_every_call_that_takes_json(
    hub_sqlite: ServedHub, body: bytes
) -> None:
    token = await hub_sqlite.token("eve", admin=True)
    for method, path in (("POST", UPDATES), ("POST", "/api/v1/channels"), ("PATCH", "/api/v1/channels/lobby")):
        answer = await hub_sqlite.call(method, path, token=token, data=body, headers=JSON)

        assert_error(answer, 400, "invalid_request")


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json"]
)
async def test_a_body_of_another_kind_is_unsupported(hub_sqlite: ServedHub, media: str) -> None:
    token = await hub_sqlite.token("eve", admin=True)
    for method, path in (("POST", UPDATES), ("POST", "/api/v1/channels"), ("PATCH", "/api/v1/channels/lobby")):
        answer = await hub_sqlite.call(
            method, path, token=token, data=b'{"body": "x"}', headers={"Content-Type": media}
        )

        assert_error(answer, 415, "unsupported_media_type", "Content-Type")


@pytest.mark.parametrize("media", ["application/json", "application/json; charset=utf-8", "application/vnd.x+json"])
async def test_every_media_type_of_json_is_accepted(hub_sqlite: ServedHub, media: str) -> None:
    answer = await hub_sqlite.call("POST", UPDATES, data=b'{"body": "x"}', headers={"Content-Type": media})

    assert answer.status == 201


@pytest.mark.parametrize("path", [UPDATES, "/lobby"])
async def test_a_request_over_the_limit_is_too_large(settings_sqlite: Settings, path: str) -> None:
    async with serving(replace(settings_sqlite, max_request_bytes=65536)) as hub:
        answer = await hub.call("POST", path, data=b" " * 65537, headers=JSON)

        assert_error(answer, 413, "too_large")
        assert "at most 65536 bytes; this one has 65537" in answer.json["error"]["message"]


async def test_a_request_over_the_limit_without_a_length_is_too_large(settings_sqlite: Settings) -> None:
    async def chunks() -> Any:
        for _ in range(9):
            yield b" " * 8192

    async with serving(replace(settings_sqlite, max_request_bytes=65536)) as hub:
        assert_error(await hub.call("POST", UPDATES, data=chunks(), headers=JSON), 413, "too_large")


def failing() -> Blueprint:
    blueprint = Blueprint("failing", __name__)

    @blueprint.get("/fails")
    @blueprint.get("/api/v1/fails")
    async def fails() -> str:
        raise RuntimeError("the password is hunter2")

    return blueprint


async def test_an_unexpected_error_is_internal_and_shows_only_its_request_id(
    settings_sqlite: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(settings_sqlite, blueprints=[failing()]) as hub:
        hub.app.config["PROPAGATE_EXCEPTIONS"] = False  # Quart raises again where TESTING is set.
        for_tools = await hub.call("GET", "/api/v1/fails", headers={"X-Request-ID": "mine-1"})
        page = await hub.call("GET", "/fails", headers={"Accept": "text/html"})

    assert_error(for_tools, 500, "internal")
    assert (page.status, page.headers["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert page.headers["X-Request-ID"] in page.body.decode()
    assert not TRACE.search(page.body.decode())
    assert all(b"hunter2" not in answer.body for answer in (for_tools, page))
    assert "Request mine-1 failed" in caplog.text and "hunter2" in caplog.text
