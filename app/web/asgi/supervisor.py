"""Around the application: each connection's wire, the check of each request's head, and the server's shutdown."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from quart import Quart

from app.config import Settings
from app.errors import InvalidRequest, NotFound, Refusal
from app.runtime.body_budget import SMALL
from app.services import Services
from app.transport.errors import Stalled
from app.transport.hypercorn import obstacle
from app.transport.recorded_wire import RecordedWire
from app.transport.wire import Send, Wire
from app.web.asgi.body_bound import BoundedBody
from app.web.asgi.prefix import check_prefix, enter_prefix
from app.web.asgi.refuse import answer, refuse
from app.web.http.call import begin_call
from app.web.http.context import EXTENSION
from app.web.http.errors import unparsed
from app.web.http.hosts import Hosts

log = logging.getLogger("tidewire.server")

# Letters, digits, - . _ ~ and the slash have no escaped form here: a proxy's rule for /metrics would not see it
# (RFC 3986, 6.2.2.2).
_NEEDLESS_ESCAPE = re.compile(rb"%(?:2[def]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])", re.IGNORECASE)
_CHUNKED = -1
_SCHEMES = frozenset(("http", "https", "ws", "wss"))


class Supervisor:
    """The outermost ASGI layer: `app.asgi_app = Supervisor(app)`, as Flask's middleware goes around `wsgi_app`."""

    def __init__(self, app: Quart, settings: Settings) -> None:
        self._app = app
        self._new_wire = RecordedWire if settings.access_log else Wire
        self._hosts = Hosts(settings)
        self._prefix = settings.prefix
        check_prefix(self._prefix)
        self._inner = app.asgi_app
        self._listening: asyncio.Task[None] | None = None
        self._obstacle: str | None = "it was started without a server"

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        services = self._app.extensions.get(EXTENSION)
        if scope["type"] == "lifespan":
            self._obstacle = obstacle(send)
        if scope["type"] not in ("http", "websocket") or not isinstance(services, Services):
            await self._inner(scope, receive, send)
            return
        wire = self._new_wire(receive, send, services.settings.send_timeout)
        if scope.get("http_version", "1.1") >= "2":
            await _refuse_version(services.settings, scope, wire.send)
            return
        if self._obstacle is None and not wire.is_direct:
            self._obstacle = "something between the server and the hub wraps its connections' send"
            self.log_form()
        if wire.is_closing:
            # The server closed the idle connection (a shutdown, or the keep-alive timeout) in the step in which this
            # request came. Not begun, it may be sent again; begun, it would be stored and never answered.
            return
        if scope["type"] == "websocket":
            wire.guard()
        self._listen(wire, services)
        services.connections.open(wire)
        try:
            scope["extensions"] = {**(scope.get("extensions") or {}), EXTENSION: wire}
            await self._serve(scope, receive, wire, services)
        except* Stalled:
            pass  # Left unfinished on purpose: the server closes it, and no client takes it for complete.
        finally:
            services.connections.release(wire)

    async def _serve(self, scope: Any, receive: Any, wire: Wire, services: Services) -> None:
        """Serve a request whose head passes, and for whose body there is room."""
        body: BoundedBody | None = None
        try:
            _check_head(scope, self._hosts)
            if self._prefix:
                enter_prefix(scope, self._prefix)
            if scope["type"] == "http" and not 0 <= (length := _declared_length(scope)) <= SMALL:
                body = BoundedBody(scope, receive, wire, services)
                receive = body.receive
                body.hold(length)
        except Refusal as refusal:
            await refuse(services.settings, begin_call(scope), wire.send, refusal)
            return
        try:
            await self._inner(scope, receive, wire.send)
        finally:
            if body is not None:
                body.release()

    def log_form(self) -> None:
        """Log which form of the transport runs, and why if it is the plain one."""
        if self._obstacle is None:
            log.info("Clients are reached by the direct transport: hypercorn's own sockets")
        else:
            log.warning("Clients are reached by plain ASGI, which costs more and bounds less: %s", self._obstacle)

    def _listen(self, wire: Wire, services: Services) -> None:
        """From the first connection on, wait for the server's shutdown, which it announces by its connections alone."""
        shutdown = wire.shutdown()
        if shutdown is not None and (self._listening is None or self._listening.done()):
            self._listening = services.tasks.spawn(_shut_down(shutdown, services), "server: shutdown")


def _check_head(scope: Any, hosts: Hosts) -> None:
    """What comes before anything else sees the request: its host, and the one spelling of its path.

    Raises InvalidRequest, MisdirectedRequest or NotFound. An absolute target is replaced by its path, and its host
    goes before the header (RFC 9112, 3.2.2)."""
    host = next((value for name, value in scope["headers"] if name == b"host"), None)
    path: str = scope["path"]
    if not path.startswith("/"):
        path, host = _split_target(path, host)
        scope["path"] = path
    if scope.get("scheme", "http") not in _SCHEMES:
        raise InvalidRequest("X-Forwarded-Proto must be http or https.", field="X-Forwarded-Proto")
    if host not in hosts.known:
        hosts.check(scope, host)
    if "//" in path or (b"%" in (raw := scope.get("raw_path") or b"") and _NEEDLESS_ESCAPE.search(raw)):
        raise NotFound("There is nothing at this address.")


def _declared_length(scope: Any) -> int:
    """The bytes that the request's head declares for its body; -1 for a body in chunks, of no known length."""
    length = 0
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return _CHUNKED  # It goes before a length (RFC 9112, 6.3).
        if name == b"content-length" and value.isdigit():
            length = int(value[:12])
    return length


def _split_target(target: str, host: bytes | None) -> tuple[str, bytes | None]:
    try:
        parts = urlsplit(target)
    except ValueError:
        raise InvalidRequest("The request's target must be a path or a URL.") from None
    if parts.scheme not in _SCHEMES or not parts.netloc:
        raise InvalidRequest("The request's target must be a path or a URL.")
    return parts.path or "/", parts.netloc.encode("latin-1", "replace")


async def _shut_down(signal: Callable[[], Awaitable[None]], services: Services) -> None:
    await signal()
    await services.connections.shut_down()


async def _refuse_version(settings: Settings, scope: Any, send: Send) -> None:
    """HTTP/2 belongs to the proxy in front: its streams have no transport of their own, so a watcher that takes nothing
    could neither be held back nor cut, and hypercorn would keep the whole log for it (RFC 9110, 15.6.6)."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1002})
        return
    call = begin_call(scope)
    await answer(settings, call, send, unparsed(505, call))
