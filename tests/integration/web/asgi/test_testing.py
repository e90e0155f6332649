"""Quart's test client, as a Flask developer uses it: it opens the hub's websocket, and raises the errors of views."""

import dataclasses
from collections.abc import AsyncIterator

import pytest
from quart import Blueprint, Quart, websocket
from quart import typing as quart_typing
from quart.testing import WebsocketResponseError

from app import create_app
from app.config import Settings
from app.errors import NotFound

type Client = quart_typing.TestClientProtocol

broken = Blueprint("broken", __name__, url_prefix="/broken")


@broken.get("/sync")
def sync_view() -> str:
    raise LookupError("in a thread")


@broken.get("/async")
async def async_view() -> str:
    raise LookupError("on the loop")


@broken.get("/refused")
async def refused() -> str:
    raise NotFound("There is no such note.")


@broken.websocket("/ws")
async def early() -> None:
    raise LookupError("before the accept")


@broken.websocket("/later")
async def later() -> None:
    await websocket.send("hello")
    raise LookupError("after the accept")


@pytest.fixture
async def app(settings_sqlite: Settings) -> AsyncIterator[Quart]:
    app = create_app(settings_sqlite, blueprints=[broken])
    async with app.test_app():
        yield app


@pytest.fixture
def client(app: Quart) -> Client:
    return app.test_client()


@pytest.mark.parametrize("query", ["", "?q=1"])
async def test_the_test_client_opens_the_hubs_websocket_and_loses_no_message(client: Client, query: str) -> None:
    """With a query the handshake is Quart's, without one it takes the fast path."""
    async with client.websocket(f"/api/v1/ws{query}") as socket:
        await socket.send_json({"type": "ping"})
        welcome, pong = [await socket.receive_json() for _ in range(2)]

    assert (welcome["type"], pong["type"]) == ("welcome", "pong")


async def test_the_test_client_watches_what_it_publishes(client: Client) -> None:
    async with client.websocket("/api/v1/ws") as socket:
        await socket.receive()
        await socket.send_json({"type": "subscribe", "channel": "lobby"})
        subscribed = await socket.receive_json()
        await client.post("/lobby", data=b"hello")
        received = await socket.receive_json()

    assert (subscribed["type"], received["type"]) == ("subscribed", "update")


@pytest.mark.parametrize("query", ["", "?q=1"])
async def test_a_refused_handshake_raises_with_its_answer(client: Client, query: str) -> None:
    headers = {"Authorization": "Bearer tw_none"}
    with pytest.raises(WebsocketResponseError) as refused:
        async with client.websocket(f"/api/v1/ws{query}", headers=headers) as socket:
            await socket.receive()

    assert refused.value.response.status_code == 401


@pytest.mark.parametrize("path", ["sync", "async"])
async def test_an_error_of_a_view_is_raised_to_the_test(client: Client, path: str) -> None:
    with pytest.raises(LookupError, match=r"in a thread|on the loop"):
        await client.get(f"/broken/{path}")


@pytest.mark.parametrize("path", ["ws", "later"])
async def test_an_error_of_a_websockets_view_is_raised_to_the_test(client: Client, path: str) -> None:
    with pytest.raises(LookupError, match="the accept"):
        async with client.websocket(f"/broken/{path}") as socket:
            await socket.receive()


async def test_refusals_and_unknown_paths_are_answers_in_tests_too(client: Client) -> None:
    statuses = [(await client.get(path)).status_code for path in ("/broken/refused", "/broken/none", "/no.such")]

    assert statuses == [404, 404, 404]


async def test_without_testing_the_error_is_answered(settings_sqlite: Settings) -> None:
    app = create_app(dataclasses.replace(settings_sqlite, env="development"), blueprints=[broken])
    async with app.test_app():
        answer = await app.test_client().get("/broken/sync")

    assert (answer.status_code, (await answer.get_json())["error"]["code"]) == (500, "internal")
