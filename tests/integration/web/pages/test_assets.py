"""The frontend's files are served with their type and revalidated, and no other file is served."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urljoin

import pytest

from app.actions.setup import prepare_development
from app.config import Settings, tree
from app.store.engine.database import Database
from tests.support.hub import ServedHub, serving


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


@pytest.fixture
async def production(settings_sqlite: Settings) -> AsyncIterator[ServedHub]:
    """A hub in production, where the files don't change while it runs."""
    settings = replace(settings_sqlite, env="production")
    db = Database(settings)
    await prepare_development(db)
    await db.close()
    async with serving(settings) as hub:
        yield hub


async def test_a_page_names_the_files_with_their_digest_and_a_browser_keeps_them_for_a_year(
    production: ServedHub,
) -> None:
    page = await production.call("GET", "/lobby", headers={"Accept": "text/html"})
    paths = re.findall(rb'(?:href|src)="(/static/[^"]*)"', page.body)
    answers = [await production.call("GET", path.decode()) for path in paths]
    digests = {path.split(b"/")[2] for path in paths}
    script = next(path.decode() for path in paths if path.endswith(b"/channel.js"))
    [imported] = re.findall(
        r'from "(\.\./elements/update-feed\.js)"', (await production.call("GET", script)).body.decode()
    )
    module = await production.call("GET", urljoin(script, imported))

    assert len(answers) > 5 and len(digests) == 1 and re.fullmatch(rb"[0-9a-f]{16}", digests.pop())
    for answer in (*answers, module):
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")


async def test_a_file_under_another_digest_is_served_and_revalidated(production: ServedHub) -> None:
    """As in the middle of an upgrade, when one hub's page is answered by another."""
    other = await production.call("GET", f"/static/{'0' * 16}/js/time.js")
    plain = await production.call("GET", "/static/js/time.js")
    absent = await production.call("GET", f"/static/{'0' * 16}/js/none.js")

    assert (other.status, other.headers["Cache-Control"], other.body) == (200, "no-cache", plain.body)
    assert absent.status == 404


async def test_in_development_a_changed_file_shows_at_once(settings_sqlite: Settings) -> None:
    async with serving(replace(settings_sqlite, env="development")) as hub:
        page = await hub.call("GET", "/", headers={"Accept": "text/html"})

    assert b'"/static/css/base.css"' in page.body


@pytest.mark.parametrize(
    "path",
    [
        "/static/templates/layout.html",
        "/static/package.json",
        "/static/js/../templates/layout.html",
        "/static/js/%2e%2e/templates/layout.html",
        "/static/js/..%2fpackage.json",
        "/static//etc/passwd",
        "/static/0123456789abcdef/templates/layout.html",
        "/static/0123456789abcdef/../templates/layout.html",
        "/static/0123456789abcdef//etc/passwd",
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
