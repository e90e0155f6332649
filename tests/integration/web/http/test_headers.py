"""The headers of every answer: its request id, the browser's safety rules, and which other origins may call."""

import re
from dataclasses import replace

import pytest

from app.config import Settings
from tests.support.hub import ServedHub, serving

PATH = "/api/v1/channels/lobby/updates"
ORIGIN = "https://app.example"
CALLS = [
    ("GET", PATH), ("POST", PATH), ("GET", "/api/v1/channels/absent"), ("PUT", PATH), ("GET", "/"), ("GET", "/lobby"),
    ("GET", "/absent"), ("POST", "/lobby"), ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"),
    ("OPTIONS", PATH), ("GET", "/static/css/base.css"), ("GET", "/static/none.css"), ("GET", "/api/openapi.json"),
    ("HEAD", "/lobby"),
]  # fmt: skip


async def test_every_answer_has_an_id_of_its_own_and_forbids_sniffing(hub_sqlite: ServedHub) -> None:
    answers = [await hub_sqlite.call(method, path) for method, path in CALLS]
    ids = [answer.headers["X-Request-ID"] for answer in answers]

    assert len(set(ids)) == len(CALLS)
    assert all(re.fullmatch(r"[0-9a-f]{16}", each) for each in ids)
    assert {answer.headers["X-Content-Type-Options"] for answer in answers} == {"nosniff"}
    assert {answer.headers["Referrer-Policy"] for answer in answers} == {"same-origin"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [("my-id_1.2", True), ("i" * 64, True), ("i" * 65, False), ("<script>", False), ("a b", False), ("", False)],
)
async def test_a_callers_own_id_is_kept_where_it_is_harmless(hub_sqlite: ServedHub, given: str, kept: bool) -> None:
    answer = await hub_sqlite.call("GET", "/api/v1/channels/absent", headers={"X-Request-ID": given})

    assert (answer.headers["X-Request-ID"] == given) is kept
    assert answer.json["error"]["request_id"] == answer.headers["X-Request-ID"]


@pytest.fixture
def open_to_origin(settings_sqlite: Settings) -> Settings:
    return replace(settings_sqlite, allowed_origins=(ORIGIN,))


async def test_pages_of_an_allowed_origin_may_call_the_api(open_to_origin: Settings) -> None:
    async with serving(open_to_origin) as hub:
        headers = {"Origin": ORIGIN}
        read = await hub.call("GET", PATH, headers=headers)
        refused = await hub.call("GET", "/api/v1/channels/absent", headers=headers)
        preflight = await hub.call("OPTIONS", PATH, headers={**headers, "Access-Control-Request-Method": "POST"})

    for answer in (read, refused, preflight):
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "Origin" in answer.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
    exposed = set(read.headers["Access-Control-Expose-Headers"].split(", "))
    assert {"X-Request-ID", "Retry-After", "RateLimit-Remaining", "Idempotent-Replayed"} <= exposed
    assert (preflight.status, preflight.body) == (200, b"")
    assert set(preflight.headers["Access-Control-Allow-Methods"].split(", ")) >= {"GET", "POST", "PATCH", "DELETE"}
    allowed = set(preflight.headers["Access-Control-Allow-Headers"].split(", "))
    assert {"Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"} <= allowed


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://app.example.evil", "http://app.example"])
async def test_pages_of_any_other_origin_may_not(open_to_origin: Settings, origin: str) -> None:
    async with serving(open_to_origin) as hub:
        answers = [
            await hub.call(method, PATH, headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
            for method in ("GET", "OPTIONS")
        ]

    assert not any(name.lower().startswith("access-control-") for answer in answers for name in answer.headers)


async def test_the_pages_themselves_are_for_no_other_origin(open_to_origin: Settings) -> None:
    async with serving(open_to_origin) as hub:
        answer = await hub.call("GET", "/lobby", headers={"Origin": ORIGIN, "Accept": "text/html"})

    assert "Access-Control-Allow-Origin" not in answer.headers
