"""A bound for the inbound queue of websockets that a blueprint of yours serves: a client that sends too fast waits."""

import asyncio

from quart.wrappers.websocket import Buffer, Websocket

MAX_MESSAGES = 64


class BoundedBuffer(Buffer):
    """Quart's queue of inbound messages with a bound: beyond it the socket is not read."""

    def __init__(self) -> None:
        self._queue = asyncio.Queue(MAX_MESSAGES)

    async def put(self, data: bytes | str) -> None:
        """Wait for room. Messages after `disconnect` are dropped."""
        try:
            await self._queue.put(data)
        except asyncio.QueueShutDown:
            return


class BoundedWebsocket(Websocket):
    """A websocket whose inbound queue is bounded."""

    buffer_class = BoundedBuffer
