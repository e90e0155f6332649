"""What a client says on a websocket, held in a bounded queue: who talks faster than the hub listens has to wait."""

import asyncio

from quart.wrappers.websocket import Buffer, Websocket

_MESSAGES = 64


class BoundedBuffer(Buffer):
    """Quart's queue of incoming messages with a bound: beyond it the socket is not read, and TCP tells the client."""

    def __init__(self) -> None:
        self._queue = asyncio.Queue(_MESSAGES)

    async def put(self, data: bytes | str) -> None:
        """Wait for room; what comes after `disconnect` is nobody's."""
        try:
            await self._queue.put(data)
        except asyncio.QueueShutDown:
            return


class BoundedWebsocket(Websocket):
    """A websocket whose inbound queue is bounded."""

    buffer_class = BoundedBuffer
