"""Bounds a request's body before anything reads it: refused by its declared length, and held in the budget of all."""

from typing import Any

from app.errors import Refusal, TooLarge
from app.runtime.body_budget import SMALL
from app.services import Services
from app.transport.wire import Wire


class BoundedBody:
    """ASGI's `receive` of a request whose body is large, or of unknown length."""

    def __init__(self, scope: Any, receive: Any, wire: Wire, services: Services) -> None:
        self._receive = receive
        self._wire = wire
        self._budget = services.bodies
        self._max_bytes = services.settings.max_request_bytes
        self._address: str = (scope.get("client") or ("<local>",))[0] or "unknown"
        self._held = 0
        self._received = 0

    def hold(self, length: int) -> None:
        """Hold a declared length until `release`. Raises TooLarge, or Unavailable where there is no room."""
        if length > self._max_bytes:
            raise TooLarge(f"A request's body is at most {self._max_bytes} bytes; this one has {length}.")
        if length > SMALL:
            self._hold(length)

    async def receive(self) -> Any:
        """The next message. Of a body in chunks that finds no room, or goes far beyond the bound, the connection is
        ended: Quart refuses what is a little too large once it is whole, and would gather the rest without a bound."""
        message = await self._receive()
        self._received += len(message.get("body") or b"")
        try:
            if self._received > max(self._held, SMALL):
                self._hold(self._received - self._held)
            if self._received <= 2 * self._max_bytes:
                return message
        except Refusal:
            pass
        self._wire.cut()
        return {"type": "http.disconnect"}

    def release(self) -> None:
        """The request is over."""
        self._budget.release(self._address, self._held)

    def _hold(self, size: int) -> None:
        self._budget.hold(self._address, size)
        self._held += size
