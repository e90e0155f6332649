"""The end of a connection, whatever its client does or leaves undone."""

import asyncio

from hypercorn.events import Event, RawData


class Drain:
    """In the place of a protocol that has ended: counts what comes, and ends the connection beyond a bound."""

    def __init__(self, transport: asyncio.WriteTransport, most: int) -> None:
        self._transport = transport
        self._left = most

    async def handle(self, event: Event) -> None:
        """Drop it."""
        if isinstance(event, RawData):
            self._left -= len(event.data)
            if self._left < 0:
                self._transport.abort()


async def cut_when_stalled(transport: asyncio.WriteTransport, timeout: float, close_timeout: float) -> None:
    """End a connection whose client takes nothing of what is left for `timeout` seconds, or which is not closed
    `close_timeout` seconds after that: TLS waits for the client's own end."""
    waiting = transport.get_write_buffer_size()
    while waiting:
        await asyncio.sleep(timeout)
        before, waiting = waiting, transport.get_write_buffer_size()
        if waiting >= before:
            transport.abort()
            return
    await asyncio.sleep(close_timeout)
    transport.abort()
