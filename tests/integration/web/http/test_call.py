"""A call made from the scope has the values of Quart's request for the same bytes."""

from typing import Any

import pytest
from quart import Blueprint, request

from app.config import Settings
from app.web.http.context import current_call
from app.web.http.query import body_bytes
from app.web.http.replies import json_answer
from tests.support.hub import serving

NAMES = ("Title", "x-two", "Content-Type", "Absent")
ARGUMENTS = ("a", "two", "blank", "ü", "broken", "absent")


def _as_sent(values: list[str]) -> str | None:
    """A header that Quart decodes as Latin-1, in the UTF-8 that it was sent in; several are one list."""
    return ", ".join(values).encode("latin-1").decode() if values else None


def probe() -> Blueprint:
    """A view that returns both, for every method."""
    blueprint = Blueprint("probe", __name__)

    @blueprint.route("/probe", methods=["GET", "POST", "PUT"])
    async def show() -> Any:
        call = current_call()
        quart = {
            "method": request.method,
            "path": request.path,
            "address": request.remote_addr,
            "headers": {name: _as_sent(request.headers.getlist(name)) for name in NAMES},
            "arguments": {name: request.args.get(name) for name in ARGUMENTS},
            "body": (await body_bytes()).decode("latin-1"),
        }
        own = {
            "method": call.method,
            "path": call.path,
            "address": call.address,
            "headers": {name: call.header(name) for name in NAMES},
            "arguments": {name: call.argument(name) for name in ARGUMENTS},
            "body": (await call.body()).decode("latin-1"),
        }
        return json_answer({"quart": quart, "own": own})

    return blueprint


@pytest.mark.parametrize(
    ("method", "query", "body"),
    [
        ("GET", "", b""),
        ("POST", "?a=1&two=first&two=second&blank=&%C3%BC=%C3%A4+b", b"\xff\x00body"),
        ("PUT", "?a=%26%3D&two&blank", b"{}"),
    ],
)
async def test_a_call_has_the_values_of_quarts_request(
    settings_sqlite: Settings, method: str, query: str, body: bytes
) -> None:
    headers = [("Title", "Grüße"), ("X-Two", "first"), ("X-Two", "second")]
    async with (
        serving(settings_sqlite, blueprints=[probe()]) as hub,
        hub.http.request(method, f"{hub.url}/probe{query}", headers=headers, data=body or None) as answer,
    ):
        both = await answer.json()

    assert both["own"] == both["quart"]
    assert both["own"]["headers"]["x-two"] == "first, second"
