"""The websocket's door: who comes, the handshake, and the close code that says how it ended."""

import asyncio

from quart import Blueprint, websocket

from app.live.wire import Stalled
from app.web.context import services, wire
from app.web.conversation import Conversation, Goodbye
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
        try:
            goodbye = await conversation.run()
        finally:
            websocket.buffer.disconnect()  # Whoever still waits to put a message in may go.
        if goodbye is not None:
            await _close(goodbye)


async def _close(goodbye: Goodbye) -> None:
    """Quart closes with 1000 whatever happened, so the reason is said here; a socket that can't take it is cut."""
    try:
        async with asyncio.timeout(_CLOSE_WAIT if goodbye.code != SLOW.code else None):
            await websocket.close(goodbye.code, goodbye.reason)
    except (TimeoutError, Stalled):
        if (found := wire()) is not None:
            found.cut()


SLOW = Goodbye(1013, "too slow")
