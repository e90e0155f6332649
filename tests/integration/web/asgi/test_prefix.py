"""A hub under a path of its host: everything is there, names itself so, and is also reached from inside without it."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from quart import Blueprint, session, url_for

from app import create_app
from app.config import ConfigError, Settings
from tests.support.hub import ServedHub, serving
from tests.support.publisher import Publisher
from tests.support.watcher import Watcher

PREFIX = "/team/updates"
PUBLIC = f"https://example.org{PREFIX}"
own = Blueprint("own", __name__)


@own.get("/own")
async def where() -> str:
    session["seen"] = True
    return url_for("own.where")


@pytest.fixture
async def hub(settings_sqlite: Settings) -> AsyncIterator[ServedHub]:
    settings = replace(
        settings_sqlite, public_url=PUBLIC, allowed_hosts=("127.0.0.1",), mount=("/shop=tests.support.shop:app",)
    )
    async with serving(settings, blueprints=[own]) as served:
        await served.channel("ci")
        yield served


async def test_every_address_of_a_page_has_the_prefix_and_leads_somewhere(hub: ServedHub) -> None:
    for path in ("", "/", "/ci", "/api/docs", "/nothing/here"):
        answer = await hub.call("GET", PREFIX + path, headers={"Accept": "text/html"})
        page = answer.body.decode()
        found = set(re.findall(r'(?:href|src|action)="(/[^"]*)"', page))

        assert answer.status == (404 if path == "/nothing/here" else 200)
        assert found and all(each.startswith(f"{PREFIX}/") for each in found), found
        assert {(await hub.call("GET", each)).status for each in found} == {200}
        assert path != "/ci" or f"{PUBLIC}/ci" in page


async def test_a_watcher_through_the_prefix_receives_each_update_once_and_in_order(hub: ServedHub) -> None:
    async with (
        Watcher(hub.url + PREFIX, channel="ci") as through,
        Watcher(hub.url, channel="ci") as inside,
        Publisher(hub.url + PREFIX, channel="ci") as publisher,
    ):
        await through.live()
        await inside.live()
        for _ in range(20):
            last = await publisher.publish()
        text = await hub.call("POST", f"{PREFIX}/ci", data=b"hello")
        await through.seen(last.seq + 1)
        await inside.seen(last.seq + 1)

    assert text.status == 201
    assert through.seqs == inside.seqs == list(range(1, 22))


async def test_what_the_hub_says_of_itself_has_the_prefix(hub: ServedHub) -> None:
    token = await hub.token(admin=True)
    created = await hub.call("POST", f"{PREFIX}/api/v1/channels", token=token, json={"slug": "fresh"})
    document = await hub.call("GET", f"{PREFIX}/api/openapi.json")
    missing = await hub.call("GET", f"{PREFIX}/api/v2")
    view = await hub.call("GET", f"{PREFIX}/own")
    mounted = await hub.call("GET", f"{PREFIX}/shop/")

    assert created.headers["Location"] == f"{PREFIX}/api/v1/channels/fresh"
    assert document.json["servers"] == [{"url": PREFIX}]
    assert f"{PREFIX}/api/docs" in missing.json["error"]["message"]
    assert (view.body.decode(), f"Path={PREFIX}" in view.headers["Set-Cookie"]) == (f"{PREFIX}/own", True)
    assert (mounted.json["script"], mounted.json["path"]) == (f"{PREFIX}/shop", "/")


async def test_a_caller_inside_needs_no_prefix(hub: ServedHub) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/ci", "/api/v1/channels/ci"):
        assert (await hub.call("GET", path)).status == 200, path
    mounted = await hub.call("GET", "/shop/?a=1")

    assert (mounted.json["script"], mounted.json["path"]) == (f"{PREFIX}/shop", "/")


async def test_metrics_and_readiness_are_not_under_the_prefix(hub: ServedHub) -> None:
    for path in ("/metrics", "/readyz", "//metrics", "/%6detrics"):
        assert (await hub.call("GET", PREFIX + path)).status == 404, path


async def test_a_longer_word_is_not_the_prefix(hub: ServedHub) -> None:
    assert (await hub.call("GET", f"{PREFIX}x/ci")).status == 404
    assert (await hub.call("GET", PREFIX.upper() + "/ci")).status == 404


@pytest.mark.parametrize("path", ["/static", "/api", "/metrics/x"])
def test_a_prefix_that_begins_as_a_path_of_the_hubs_own_is_refused(path: str, settings_sqlite: Settings) -> None:
    with pytest.raises(ConfigError, match=r"TIDEWIRE_PUBLIC_URL: /\w+ is the hub's own"):
        create_app(replace(settings_sqlite, public_url=f"https://example.org{path}"))
