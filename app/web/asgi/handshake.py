"""Quart's part in the hub's websocket is the handshake: one task, with its hooks and its teardown."""

import asyncio
from typing import Any

from quart.asgi import ASGIWebsocketConnection
from quart.wrappers import Websocket

from app.web.asgi.testing import raise_failure

PATH = "/api/v1/ws"


def is_own(scope: Any) -> bool:
    """True for the address of the hub's own websocket."""
    return bool(scope["path"].removeprefix(scope.get("root_path", "")) == PATH)


class HandshakeConnection(ASGIWebsocketConnection):
    """Quart's connection, which for the hub's own websocket never reads messages: the hub does, without Quart's queue
    and its second task. Any other websocket, of a blueprint of yours, is served as Quart serves it."""

    async def __call__(self, receive: Any, send: Any) -> None:
        if not is_own(self.scope):
            await super().__call__(receive, send)
            raise_failure(self.scope)
            return
        await self.handle_websocket(self._create_websocket_from_scope(send), send)

    async def handle_messages(self, websocket: Websocket, receive: Any, websocket_task: asyncio.Task[None]) -> None:
        """As Quart's, but ends with a handshake that was refused: Quart would hold the connection until the client
        leaves, without a bound."""
        reading = asyncio.ensure_future(super().handle_messages(websocket, receive, websocket_task))
        try:
            await asyncio.wait({reading, websocket_task}, return_when=asyncio.FIRST_COMPLETED)
            if self._accepted or reading.done():
                await reading
        finally:
            reading.cancel()
