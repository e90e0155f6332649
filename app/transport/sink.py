"""Where the live part writes: the way out to one client, in order and within a bound, whatever server is underneath.

A sink that reaches the socket writes at once, from any synchronous step (`chunks`, `websocket`). One that does not
holds what is written, within the same bound, and hands it to ASGI's `send` (`plain`). No caller knows which it has.
"""

from typing import Protocol

from app.model.batch import Batch

HIGH = 128 * 1024  # Bytes: above them a socket is behind, and it is written to again at no more than LOW.
LOW = HIGH // 4


class Sink(Protocol):
    """Whole messages, sent in the order in which they were written. Nothing is written once it is closed."""

    @property
    def closed(self) -> bool:
        """Is the connection over, or about to be?"""

    @property
    def written(self) -> int:
        """Bytes written so far."""

    def write(self, batch: Batch) -> bool:
        """Write the batch, whole. False when nothing of it was: the socket is behind, or closed."""

    def send(self, message: bytes) -> None:
        """Write one message that is no update, however much waits already: a caller with many drains in between."""

    async def drain(self) -> None:
        """Return once there is room again, or the sink is closed."""


class Body(Sink, Protocol):
    """The body of a streamed answer, within the request that it answers."""

    async def finish(self) -> None:
        """Return once all that was written is on its way: what the server sends after that follows it."""

    def release(self) -> None:
        """End the use of it with the request. What is held is dropped, and nothing is written any more."""


class Client(Sink, Protocol):
    """A websocket's client, whichever way it is reached."""

    def pause(self) -> None:
        """Receive nothing more for now."""

    def resume(self) -> None:
        """Receive again."""

    def close(self, code: int, reason: str) -> None:
        """Close with this code and reason, after what was written."""
