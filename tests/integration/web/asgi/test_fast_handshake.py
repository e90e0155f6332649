"""The fast handshake and Quart's answer alike, and an application that extends the websocket gets Quart's."""

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


async def handshake(hub: ServedHub, headers: Mapping[str, str], query: str = "") -> tuple[int, dict[str, str], Any]:
    """The handshake's status, the headers that are the hub's own, and its body or its first message."""
    try:
        async with hub.http.ws_connect(hub.url + WS + query, headers=headers, protocols=("tidewire.v1",)) as socket:
            welcome = await socket.receive_json()
            return 101, {"protocol": str(socket.protocol)}, welcome
    except aiohttp.WSServerHandshakeError:
        async with hub.http.get(hub.url + WS + query, headers={**HANDSHAKE, **headers}) as answer:
            own = {name: value for name, value in answer.headers.items() if name.lower() not in VOLATILE}
            return answer.status, own, await answer.json()


# What changes with time, and Quart's Vary for the cookie, which a refused handshake does not read.
VOLATILE = ("date", "ratelimit-reset", "ratelimit-remaining", "vary")
HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


@pytest.fixture
def fast_handshakes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The handshakes that took the fast path, in order."""
    taken: list[str] = []
    own = fast_handshake._shake_hands

    async def recorded(hub: Any, scope: Any, send: Any) -> None:
        taken.append(scope["path"])
        await own(hub, scope, send)

    monkeypatch.setattr(fast_handshake, "_shake_hands", recorded)
    return taken


@pytest.mark.parametrize(
    "authorization", [None, "token", "Bearer tw_wrong", "Basic x", "Bearer " + "x" * 300, "Bearer"], ids=str
)
async def test_both_paths_answer_alike(
    settings_sqlite: Settings, fast_handshakes: list[str], authorization: str | None
) -> None:
    async with serving(settings_sqlite) as hub:
        if authorization == "token":
            authorization = f"Bearer {await hub.token()}"
        headers = {"X-Request-ID": "one", **({"Authorization": authorization} if authorization else {})}
        fast = await handshake(hub, headers)
        count = len(fast_handshakes)
        quart = await handshake(hub, headers, "?by=quart")

    assert count >= 1 and len(fast_handshakes) == count
    assert {name.lower(): value for name, value in fast[1].items()} == {
        name.lower(): value for name, value in quart[1].items()
    }
    assert (fast[0], fast[2]) == (quart[0], quart[2])


async def test_a_full_hub_refuses_on_the_fast_path_too(settings_sqlite: Settings, fast_handshakes: list[str]) -> None:
    async with serving(replace(settings_sqlite, max_connections=1)) as hub, hub.http.ws_connect(hub.url + WS):
        status, headers, body = await handshake(hub, {})

    assert (status, body["error"]["code"], headers["Retry-After"]) == (503, "unavailable", "2")
    assert fast_handshakes


def by_hook(app: Quart) -> None:
    @app.before_websocket
    async def hook() -> None:
        pass


def by_signal(app: Quart) -> None:
    async def hook(*given: Any, **more: Any) -> None:
        pass

    websocket_started.connect(hook, app, weak=False)


def by_view(app: Quart) -> None:
    own: Any = app.view_functions["tidewire_socket.talk"]

    async def talk() -> None:
        await own()

    views: dict[str, Any] = app.view_functions
    views["tidewire_socket.talk"] = talk


@pytest.mark.parametrize("extend", [by_hook, by_signal, by_view])
async def test_an_application_that_extends_the_websocket_gets_quarts_handshake(
    settings_sqlite: Settings, fast_handshakes: list[str], extend: Any
) -> None:
    async with serving(settings_sqlite) as hub:
        extend(hub.app)
        status, _, welcome = await handshake(hub, {})
        websocket_started.receivers.clear()

    assert (status, welcome["type"], fast_handshakes) == (101, "welcome", [])
