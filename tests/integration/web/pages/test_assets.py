"""The frontend's files come as what they are, once, and nothing else comes out of its folder."""

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
async def test_a_file_comes_as_what_it_is(hub_sqlite: ServedHub, path: str, kind: str) -> None:
    answer = await hub_sqlite.call("GET", path)

    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, kind)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_file_that_is_the_same_is_not_sent_again(hub_sqlite: ServedHub) -> None:
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
async def test_nothing_else_comes_out(hub_sqlite: ServedHub, path: str) -> None:
    answer = await hub_sqlite.call("GET", path)

    assert answer.status in (308, 404), answer
    assert b"{%" not in answer.body and b"root:" not in answer.body
