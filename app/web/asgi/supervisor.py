"""Around the application, towards the server: each connection's wire, and a shutdown that ends all of them in time."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from quart import Quart

from app.config import Settings
from app.services import Services
from app.transport.errors import Stalled
from app.transport.websocket import Websocket
from app.transport.wire import Send, Wire
from app.web.http.context import EXTENSION


class ServerSide:
    """The outermost ASGI layer: `app.asgi_app = ServerSide(app)`, as Flask's middleware goes around `wsgi_app`."""

    def __init__(self, app: Quart) -> None:
        self._app = app
        self._inner = app.asgi_app
        self._wires: set[Wire] = set()
        self._websockets: set[Websocket] = set()
        self._listening: asyncio.Task[None] | None = None
        self._pinging: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        services = self._app.extensions.get(EXTENSION)
        if scope["type"] not in ("http", "websocket") or not isinstance(services, Services):
            await self._inner(scope, receive, send)
            return
        if scope.get("http_version", "1.1") >= "2":
            await _refuse_version(scope, send)
            return
        if not scope["path"].startswith("/"):
            scope["path"] = urlsplit(scope["path"]).path or "/"  # The absolute form (RFC 9112, 3.2.2).
        wire = Wire(receive, send, services.settings.send_timeout)
        if scope["type"] == "websocket":
            wire.guard()
        self._attend(wire, services)
        self._wires.add(wire)
        if scope["type"] == "http" and any(name == b"transfer-encoding" for name, _ in scope["headers"]):
            receive = _bounded(receive, 2 * services.settings.max_request_bytes, wire)
        try:
            scope["extensions"] = {**(scope.get("extensions") or {}), EXTENSION: wire}
            await self._inner(scope, receive, wire.send)
        except* Stalled:
            pass  # Left unfinished on purpose: the server closes it, and nobody takes it for complete.
        finally:
            self._wires.discard(wire)
            if wire.websocket is not None:
                wire.websocket.next_ping = asyncio.get_running_loop().time() + services.settings.ping_interval
                self._websockets.add(wire.websocket)

    def _attend(self, wire: Wire, services: Services) -> None:
        """From the first connection on: an eye on all there are, and an ear for the server's shutdown."""
        if self._pinging is None or self._pinging.done():
            self._pinging = services.tasks.spawn(self._look_after_all(services.settings), "server: connections")
        shutdown = wire.shutdown()
        if shutdown is not None and (self._listening is None or self._listening.done()):
            self._listening = services.tasks.spawn(self._end_all(shutdown, services), "server: shutdown")

    async def _look_after_all(self, settings: Settings) -> None:
        """One timer for all connections: it pings each by when it came, so that they don't have their turn in one
        burst, and ends those that take nothing."""
        loop = asyncio.get_running_loop()
        pause = min(settings.ping_interval, settings.send_timeout, 4.0) / 4
        while True:
            await asyncio.sleep(pause)
            now = loop.time()
            for wire in tuple(self._wires):
                if wire.is_stalled(now):
                    wire.cut()
            for websocket in tuple(self._websockets):
                if websocket.disconnected:
                    self._websockets.discard(websocket)
                elif websocket.is_stalled(now, settings.send_timeout):
                    websocket.report_stalled()
                elif websocket.next_ping <= now:
                    websocket.next_ping = now + settings.ping_interval
                    websocket.ping()

    async def _end_all(self, shutdown: Any, services: Services) -> None:
        """Say goodbye to every connection, and cut those that are still there when the time is nearly over."""
        await shutdown()
        services.connections.shut_down()
        await asyncio.sleep(services.settings.shutdown_timeout * 0.8)
        for wire in tuple(self._wires):
            wire.cut()
        for websocket in tuple(self._websockets):
            websocket.cut()


def _bounded(receive: Any, most: int, wire: Wire) -> Any:
    """`receive` for a body that does not say how long it is: Quart refuses it with a 413 once it is whole, and until
    then would gather it without a bound."""
    left = most

    async def bounded() -> Any:
        nonlocal left
        message = await receive()
        left -= len(message.get("body") or b"")
        if left < 0:
            wire.cut()
            return {"type": "http.disconnect"}
        return message

    return bounded


async def _refuse_version(scope: Any, send: Send) -> None:
    """HTTP/2 belongs to the proxy in front: its streams have no transport of their own, so a watcher that takes nothing
    could neither be held back nor cut, and hypercorn would keep the whole log for it (RFC 9110, 15.6.6)."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1002})
        return
    await send({"type": "http.response.start", "status": 505, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
