"""Calls of browsers: another site's page may read what is open, and publish only with a credential or where allowed."""

from dataclasses import replace

import pytest

from app.config import Settings
from tests.support.hub import ServedHub, serving
from tests.support.talker import talking

EVIL = "https://evil.example"
UPDATES = "/api/v1/channels/lobby/updates"


async def published(hub: ServedHub, origin: str | None, token: str | None = None) -> list[int]:
    """The statuses of a publish by the API on both of its paths, and as text on both of its."""
    headers = {"Origin": origin} if origin is not None else {}
    return [
        (await hub.call("POST", UPDATES, token=token, json={"body": "x"}, headers=headers)).status,
        (await hub.call("POST", UPDATES + "?by=quart", token=token, json={"body": "x"}, headers=headers)).status,
        (await hub.call("POST", "/lobby", token=token, data=b"x", headers=headers)).status,
        (await hub.call("PUT", "/lobby?title=x", token=token, data=b"x", headers=headers)).status,
    ]


@pytest.mark.parametrize(
    "origin", [EVIL, "null", "http://127.0.0.1:1", "file://", "", "https://pages.example.evil.example"]
)
async def test_another_sites_page_reads_and_does_not_publish(settings_sqlite: Settings, origin: str) -> None:
    async with serving(replace(settings_sqlite, allowed_origins=("https://pages.example",))) as hub:
        before = (await hub.call("GET", "/api/v1/channels/lobby")).json["last_seq"]
        statuses = await published(hub, origin)
        read = await hub.call("GET", UPDATES, headers={"Origin": origin})
        after = (await hub.call("GET", "/api/v1/channels/lobby")).json["last_seq"]

    assert (statuses, read.status, after) == ([403] * 4, 200, before)
    assert "Access-Control-Allow-Origin" not in read.headers


async def test_own_pages_allowed_ones_scripts_and_tokens_publish(settings_sqlite: Settings) -> None:
    allowed = replace(
        settings_sqlite, allowed_origins=("https://Pages.Example:443/",), public_url="https://hub.example/"
    )
    async with serving(allowed) as hub:
        token = await hub.token("ana")
        for origin in (
            None,
            hub.url,
            hub.url.replace("http:", "https:"),
            "https://pages.example",
            "https://hub.example",
        ):
            assert await published(hub, origin) == [201] * 4, origin
        assert await published(hub, EVIL, token) == [201] * 4


async def test_a_websocket_of_another_sites_page_watches_and_does_not_publish(hub_sqlite: ServedHub) -> None:
    publish = {"type": "publish", "ref": 1, "channel": "lobby", "update": {"body": "x"}}
    async with talking(hub_sqlite.url, headers={"Origin": EVIL}) as talker:
        refused = await talker.ask(publish)
        subscribed = await talker.ask({"type": "subscribe", "ref": 2, "channel": "lobby"})
    async with talking(hub_sqlite.url, headers={"Origin": hub_sqlite.url}) as talker:
        own = await talker.ask(publish)

    assert (refused["type"], refused["code"]) == ("error", "forbidden")
    assert (subscribed["type"], own["type"]) == ("subscribed", "published")


async def test_answers_of_the_api_vary_by_origin_also_without_one(hub_sqlite: ServedHub) -> None:
    answer = await hub_sqlite.call("GET", "/api/v1/channels")

    assert "Origin" in answer.headers["Vary"]
