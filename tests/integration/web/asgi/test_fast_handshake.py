"""The fast handshake and Quart's answer alike, and what was added around the websocket gets Quart's."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from quart import Quart, websocket_started

from app.config import Settings
from app.web.asgi import fast_handshake
from tests.support.hub import ServedHub, serving

WS = "/api/v1/ws"


async def shaken(hub: ServedHub, headers: Mapping[str, str], query: str = "") -> tuple[int, dict[str, str], Any]:
    """The handshake's status, the headers that are the hub's own, and its body or its first message."""
    try:
        async with hub.http.ws_connect(hub.url + WS + query, headers=headers, protocols=("tidewire.v1",)) as talk:
            welcome = await talk.receive_json()
            return 101, {"protocol": str(talk.protocol)}, welcome
    except aiohttp.WSServerHandshakeError:
        async with hub.http.get(hub.url + WS + query, headers={**HANDSHAKE, **headers}) as answer:
            own = {name: value for name, value in answer.headers.items() if name.lower() not in PASSING}
            return answer.status, own, await answer.json()


# What a moment changes, and Quart's word on the cookie that no refused handshake has to do with.
PASSING = ("date", "ratelimit-reset", "ratelimit-remaining", "vary")
HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which handshakes took the fast path, in order."""
    taken: list[str] = []
    own = fast_handshake._shake_hands

    async def noted(hub: Any, scope: Any, receive: Any, send: Any) -> None:
        taken.append(scope["path"])
        await own(hub, scope, receive, send)

    monkeypatch.setattr(fast_handshake, "_shake_hands", noted)
    return taken


@pytest.mark.parametrize(
    "authorization", [None, "token", "Bearer tw_wrong", "Basic x", "Bearer " + "x" * 300, "Bearer"], ids=str
)
async def test_both_ways_answer_alike(settings_sqlite: Settings, ways: list[str], authorization: str | None) -> None:
    async with serving(settings_sqlite) as hub:
        if authorization == "token":
            authorization = f"Bearer {await hub.token()}"
        headers = {"X-Request-ID": "one", **({"Authorization": authorization} if authorization else {})}
        fast = await shaken(hub, headers)
        count = len(ways)
        quart = await shaken(hub, headers, "?way=quart")

    assert count >= 1 and len(ways) == count
    assert {name.lower(): value for name, value in fast[1].items()} == {
        name.lower(): value for name, value in quart[1].items()
    }
    assert (fast[0], fast[2]) == (quart[0], quart[2])


async def test_a_full_hub_refuses_on_the_fast_path_too(settings_sqlite: Settings, ways: list[str]) -> None:
    async with serving(replace(settings_sqlite, max_connections=1)) as hub, hub.http.ws_connect(hub.url + WS):
        status, headers, body = await shaken(hub, {})

    assert (status, body["error"]["code"], headers["Retry-After"]) == (503, "unavailable", "2")
    assert ways


def by_hook(app: Quart) -> None:
    @app.before_websocket
    async def look() -> None:
        pass


def by_signal(app: Quart) -> None:
    async def look(*given: Any, **more: Any) -> None:
        pass

    websocket_started.connect(look, app, weak=False)


def by_view(app: Quart) -> None:
    own: Any = app.view_functions["socket.talk"]

    async def talk() -> None:
        await own()

    views: dict[str, Any] = app.view_functions
    views["socket.talk"] = talk


@pytest.mark.parametrize("hang_in", [by_hook, by_signal, by_view])
async def test_whoever_hangs_something_in_gets_quarts(settings_sqlite: Settings, ways: list[str], hang_in: Any) -> None:
    async with serving(settings_sqlite) as hub:
        hang_in(hub.app)
        status, _, welcome = await shaken(hub, {})
        websocket_started.receivers.clear()

    assert (status, welcome["type"], ways) == (101, "welcome", [])
