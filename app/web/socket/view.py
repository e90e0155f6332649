"""The websocket's view: it completes the handshake. Then `Connection` serves the websocket."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from quart import Blueprint, websocket

from app.model.access import Principal
from app.services import Services
from app.transport.errors import ClientGone
from app.transport.plain import PlainWebsocket
from app.transport.wire import Receive, Wire
from app.web.asgi.handshake import PATH
from app.web.http.context import current_call, services, wire
from app.web.http.identity import watcher
from app.web.socket.connection import Connection
from app.web.socket.messages import SUBPROTOCOL

blueprint = Blueprint("tidewire_socket", __name__)
CLOSE_TIMEOUT_S = 5.0


@blueprint.websocket(PATH)
async def talk() -> None:
    """One connection, which follows any number of channels, each in order and without a gap."""

    async def accept(subprotocol: str | None) -> None:
        await websocket.accept(subprotocol=subprotocol)

    handshake = Handshake(wire(), websocket.requested_subprotocols, accept, websocket.close)
    await connect(services(), await watcher(), current_call().address, handshake)


@dataclass(frozen=True, slots=True)
class Handshake:
    """A handshake in progress, of Quart's or of the fast path."""

    wire: Wire
    offered: Collection[str]
    accept: Callable[[str | None], Awaitable[None]]
    close: Callable[[int, str], Awaitable[None]]


async def connect(current: Services, who: Principal, address: str, handshake: Handshake) -> None:
    """Complete the handshake, then serve the connection: in the transport if it can be taken over, else in this task.
    Raises Unavailable or RateLimited before the handshake is accepted."""
    connection = Connection(current, who, address)
    current.connections.add(who, address, connection.end)
    client = None
    try:
        await handshake.accept(SUBPROTOCOL if SUBPROTOCOL in handshake.offered else None)
        client = handshake.wire.take_over(connection)
        if client is not None:
            connection.welcome(client)
        else:
            await _serve_plain(connection, handshake)
    except ClientGone:
        return
    finally:
        if client is None:
            connection.closed()


async def _serve_plain(connection: Connection, handshake: Handshake) -> None:
    """Serve the connection by ASGI's `receive` and `send`, in this request's task, until either side closes."""
    client = PlainWebsocket(handshake.wire.send, connection.stalled)
    connection.welcome(client)
    closing = asyncio.ensure_future(client.until_close())
    receiving = asyncio.ensure_future(_receive(connection, client, handshake.wire.receive))
    receiving.add_done_callback(lambda task: task.cancelled() or task.exception())  # Retrieved, or asyncio logs it.
    try:
        await asyncio.wait({closing, receiving}, return_when=asyncio.FIRST_COMPLETED)
        if closing.done():
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await client.finish()
                # Quart closes with 1000 whatever happened, so the code is sent here.
                await handshake.close(*closing.result())
                # Read on until the client has closed: a server whose queue is full would wait for this task forever.
                client.resume()
                await asyncio.wait({receiving})
    except (TimeoutError, OSError):
        pass  # The client does not accept even the close; the server ends the connection.
    finally:
        receiving.cancel()
        closing.cancel()
        client.release()


async def _receive(connection: Connection, client: PlainWebsocket, receive: Receive) -> None:
    while True:
        await client.until_resumed()
        event = await receive()
        if event["type"] == "websocket.connect":
            continue  # ASGI's first event; Quart's test client sends none, so the handshake does not wait for it.
        if event["type"] != "websocket.receive":
            return
        text, data = event.get("text"), event.get("bytes")
        connection.received(text if text is not None else data or b"")
