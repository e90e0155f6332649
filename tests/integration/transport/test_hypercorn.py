"""The names of hypercorn and wsproto that the guard uses: a release that moves them fails here, not for a user."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from hypercorn.protocol.ws_stream import WSStream
from wsproto.connection import SERVER, Connection, ConnectionState
from wsproto.events import CloseConnection, Ping, Pong, TextMessage

from app.transport.hypercorn import BoundedConnection, BoundedHandshake, BoundedMessage, guard
from tests.support.raw_socket import CLOSE, PING, TEXT, frame
from tests.support.served import served

MAX_GUARD_BYTES = 200  # What the guard may add to a watcher's memory.


def receive(connection: Connection, *sent: bytes) -> list[Any]:
    connection.receive_data(b"".join(sent))
    return list(connection.events())


async def test_the_guard_is_installed_under_hypercorn() -> None:
    """A client that offers compression is guarded like any other, and answered without it."""
    streams: list[WSStream] = []

    async def application(scope: Any, receive: Callable[..., Any], send: Any) -> None:
        if scope["type"] == "lifespan":
            for part in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{part}.complete"})
            return
        stream = send.__self__
        streams.append(stream)
        guard(stream, lambda: None)
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "b", "headers": [(b"x-header", b"kept")]})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})

    async with (
        served(application) as url,
        aiohttp.ClientSession() as http,
        http.ws_connect(url, protocols=("a", "b"), compress=15) as websocket,
    ):
        await websocket.send_str("é")

        assert (await websocket.receive_str(), websocket.protocol, websocket.compress) == ("é", "b", 0)
        (stream,) = streams
        assert stream.handshake.accepted
        found = (type(stream.handshake), type(stream.buffer), type(stream.connection))
        assert found == (BoundedHandshake, BoundedMessage, BoundedConnection)


@pytest.mark.parametrize("stream", [None, object(), "a stream"])
def test_any_other_object_is_left_unchanged(stream: object) -> None:
    guard(stream, lambda: None)


@pytest.mark.parametrize(
    ("sent", "code"),
    [(frame(0x3, b""), 1002), (frame(TEXT, b"\xff"), 1007), (frame(PING, b"") * 1001, None)],
    ids=["opcode", "utf-8", "flood"],  # Masks are random, and names must be equal in all workers.
)
def test_a_failure_is_reported_in_the_state_that_hypercorn_answers(sent: bytes, code: int | None) -> None:
    connection = BoundedConnection(SERVER)
    last = receive(connection, sent)[-1]

    assert (last.code if isinstance(last, CloseConnection) else None) == code
    if code is not None:
        assert connection.state is ConnectionState.REMOTE_CLOSING
        assert connection.send(last.response())[2:4] == code.to_bytes(2)


def test_a_close_by_the_client_is_reported_unchanged() -> None:
    connection = BoundedConnection(SERVER)
    (event,) = receive(connection, frame(CLOSE, b"\x0f\xa0done"))

    assert (event.code, event.reason, connection.state) == (4000, "done", ConnectionState.REMOTE_CLOSING)


def test_events_are_those_of_wsproto() -> None:
    sent = (frame(TEXT, b"a", fin=False), frame(PING, b"b"), frame(0xA, b"c"), frame(0x0, b"d"))
    events = receive(BoundedConnection(SERVER), *sent)

    assert events == receive(Connection(SERVER), *sent)
    assert [type(event) for event in events] == [TextMessage, Ping, Pong, TextMessage]


def test_after_the_hubs_close_only_the_clients_close_is_reported() -> None:
    connection = BoundedConnection(SERVER)
    connection.send(CloseConnection(1001))
    events = receive(connection, frame(TEXT, b"a"), frame(PING, b"b"), frame(CLOSE, b"\x03\xe9"), frame(TEXT, b"c"))

    assert [type(event) for event in events] == [CloseConnection]
    assert connection.state is ConnectionState.CLOSED


def test_the_guard_adds_little_memory_to_a_watcher() -> None:
    def cost(kind: type[Connection]) -> float:
        tracemalloc.start()
        try:
            kept = [kind(SERVER) for _ in range(1000)]
            for connection in kept:
                receive(connection, frame(TEXT, b"subscribe"), frame(0xA, b""))
            return tracemalloc.get_traced_memory()[0] / len(kept)
        finally:
            tracemalloc.stop()

    cost(Connection)
    cost(BoundedConnection)

    assert cost(BoundedConnection) - cost(Connection) < MAX_GUARD_BYTES
