"""The websocket's door: who comes, and the handshake. What is said after it is for `conversation`."""

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
from app.web.socket.connection import Conversation
from app.web.socket.messages import SUBPROTOCOL

blueprint = Blueprint("socket", __name__)
_CLOSE_WAIT = 5.0


@blueprint.websocket(PATH)
async def talk() -> None:
    """One connection: any number of channels, each followed in order and without a hole."""

    async def accept(subprotocol: str | None) -> None:
        await websocket.accept(subprotocol=subprotocol)

    shaking = Shaking(wire(), websocket.requested_subprotocols, accept, websocket.close)
    await converse(services(), await watcher(), current_call().address, shaking)


@dataclass(frozen=True, slots=True)
class Shaking:
    """A handshake on its way, Quart's or our own."""

    wire: Wire
    offered: Collection[str]
    accept: Callable[[str | None], Awaitable[None]]
    close: Callable[[int, str], Awaitable[None]]


async def converse(hub: Services, who: Principal, from_address: str, shaking: Shaking) -> None:
    """Shake hands, then talk: without this task where the transport can be had, else in it. Raises Unavailable before
    the hands are shaken."""
    conversation = Conversation(hub, who, from_address)
    hub.connections.add(who, conversation.say_goodbye)
    taken = None
    try:
        await shaking.accept(SUBPROTOCOL if SUBPROTOCOL in shaking.offered else None)
        taken = shaking.wire.take_over(conversation)
        if taken is not None:
            conversation.greet(taken)
        else:
            await _talk_plainly(conversation, shaking)
    except ClientGone:
        return
    finally:
        if taken is None:
            conversation.closed()


async def _talk_plainly(conversation: Conversation, shaking: Shaking) -> None:
    """By ASGI's `receive` and `send`, in this request's task, until either side leaves."""
    client = PlainWebsocket(shaking.wire.send, conversation.stalled)
    conversation.greet(client)
    leaving = asyncio.ensure_future(client.until_close())
    hearing = asyncio.ensure_future(_hear(conversation, client, shaking.wire.receive))
    hearing.add_done_callback(lambda task: task.cancelled() or task.exception())  # Taken note of.
    try:
        await asyncio.wait({leaving, hearing}, return_when=asyncio.FIRST_COMPLETED)
        if leaving.done():
            async with asyncio.timeout(_CLOSE_WAIT):
                await client.finish()
                # Quart closes with 1000 whatever happened, so the reason is said here.
                await shaking.close(*leaving.result())
    except (TimeoutError, OSError):
        pass  # It takes nothing, not even that; the server ends what is left of it.
    finally:
        hearing.cancel()
        leaving.cancel()
        client.release()


async def _hear(conversation: Conversation, client: PlainWebsocket, receive: Receive) -> None:
    while True:
        await client.until_resumed()
        event = await receive()
        if event["type"] != "websocket.receive":
            return
        text, data = event.get("text"), event.get("bytes")
        conversation.received(text if text is not None else data or b"")
