"""The frontend's files are served with their type and revalidated, and no other file is served."""

import pytest

from app.config import tree
from tests.support.hub import ServedHub


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/static/js/time.js", "text/javascript"),
        ("/static/css/base.css", "text/css"),
        ("/static/img/favicon.svg", "image/svg+xml"),
        ("/favicon.ico", "image/svg+xml"),
        ("/robots.txt", "text/plain"),
    ],
)
async def test_a_file_is_served_with_its_type(hub_sqlite: ServedHub, path: str, kind: str) -> None:
    answer = await hub_sqlite.call("GET", path)

    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, kind)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_an_unchanged_file_is_not_sent_again(hub_sqlite: ServedHub) -> None:
    first = await hub_sqlite.call("GET", "/static/js/time.js")
    same = await hub_sqlite.call("GET", "/static/js/time.js", headers={"If-None-Match": first.headers["ETag"]})
    other = await hub_sqlite.call("GET", "/static/js/time.js", headers={"If-None-Match": '"other"'})

    assert first.body == (tree("frontend") / "js" / "time.js").read_bytes() == other.body
    assert (same.status, same.body) == (304, b"")
    assert {answer.headers["Cache-Control"] for answer in (first, same, other)} == {"no-cache"}


@pytest.mark.parametrize(
    "path",
    [
        "/static/templates/layout.html",
        "/static/package.json",
        "/static/js/../templates/layout.html",
        "/static/js/%2e%2e/templates/layout.html",
        "/static/js/..%2fpackage.json",
        "/static//etc/passwd",
        "/static/js",
        "/static/js/nothing.js",
        "/static/js/%00.js",
        "/static/js/" + "a" * 5000 + ".js",
    ],
)
async def test_no_other_file_is_served(hub_sqlite: ServedHub, path: str) -> None:
    answer = await hub_sqlite.call("GET", path)

    assert answer.status in (308, 404), answer
    assert b"{%" not in answer.body and b"root:" not in answer.body
