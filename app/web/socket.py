"""The websocket's door: who comes, the handshake, and the close code that says how it ended."""

import asyncio

from quart import Blueprint, websocket
from quart.wrappers.base import ClientDisconnectedError

from app.live.sink import Sink
from app.live.wire import Wire
from app.web.context import services, wire
from app.web.conversation import SLOW, Conversation, Goodbye
from app.web.identity import watcher
from app.web.limits import address
from app.web.messages import SUBPROTOCOL

blueprint = Blueprint("socket", __name__)
_CLOSE_WAIT = 5.0


@blueprint.websocket("/api/v1/ws")
async def talk() -> None:
    """One connection: any number of channels, each followed in order and without a hole."""
    who = await watcher()
    hub = services()
    conversation = Conversation(hub, who, address())
    with hub.connections.register(who, conversation.say_goodbye):
        offered = SUBPROTOCOL in websocket.requested_subprotocols
        await websocket.accept(subprotocol=SUBPROTOCOL if offered else None)
        under = wire()
        under.on_stall = conversation.give_up
        sink = under.websocket()
        try:
            goodbye = await conversation.run(_receive, sink)
            websocket.buffer.disconnect()  # Whoever still waits to put a message in may go.
            if goodbye is not None:
                await _close(goodbye, sink, under)
        finally:
            websocket.buffer.disconnect()
            sink.close()


async def _receive() -> str | bytes | None:
    try:
        return await websocket.receive() or b""  # Quart takes an empty binary frame for a text without one.
    except ClientDisconnectedError:
        return None


async def _close(goodbye: Goodbye, sink: Sink, under: Wire) -> None:
    """Quart closes with 1000 whatever happened, so the reason is said here; a socket that can't take it is cut."""
    try:
        async with asyncio.timeout(_CLOSE_WAIT):
            if goodbye is not SLOW:
                await sink.finish()
            await websocket.close(goodbye.code, goodbye.reason)
    except (TimeoutError, OSError):
        under.cut()
