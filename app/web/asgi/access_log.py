"""The access log around the hub, made at the start and only where it is on: no other request looks for it."""

from typing import Any

from app.telemetry.access_log import ENTRY, AccessEntry


class AccessLog:
    """An ASGI layer around the supervisor, whose wires are RecordedWires then."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        entry = AccessEntry(scope)
        ENTRY.set(entry)  # The server gives each request a task, and so a context, of its own.
        try:
            await self._inner(scope, receive, send)
        finally:
            if not entry.is_held:
                entry.write()
