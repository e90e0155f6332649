"""The short way for a publish: a small POST that only the hub itself has to do with goes past Quart, with every check.

Quart takes five times as long for a publish as its share of the commit does: contexts, signals, two tasks, a session,
a request and a response. Identity, limits, parsing, refusals and headers here are those of the views, the same
functions. Whatever is not plainly a publish goes to Quart, and so does everything once somebody else has a hand in it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import nullcontext
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any

from quart import Quart, signals
from quart.wrappers.base import ClientDisconnectedError
from werkzeug.exceptions import HTTPException, RequestTimeout

from app.errors import Refusal
from app.services import Services
from app.transport.hypercorn import Wire
from app.web.api import text_publish as short
from app.web.api import updates
from app.web.api.publishing import publish_json, publish_text
from app.web.http import headers
from app.web.http.context import EXTENSION
from app.web.http.errors import failure_reply, http_reply, refusal_reply
from app.web.http.identity import recognised
from app.web.http.limits import count, refusal

_SHORT = 64 * 1024  # Of a body, in bytes.
_LONGEST = 200  # Of a path, in characters.
_WAYS = {"api_updates.post_updates": updates.post_updates, "short.post": short.post}
_HOOKS = ("before_request_funcs", "after_request_funcs", "teardown_request_funcs", "url_value_preprocessors")
_SIGNALS = (
    signals.request_started,
    signals.request_finished,
    signals.got_request_exception,
    signals.request_tearing_down,
    signals.appcontext_pushed,
    signals.appcontext_popped,
    signals.appcontext_tearing_down,
)
_receivers = attrgetter("receivers")


class ShortWay:
    """An ASGI layer directly around Quart: made after the hub's own hooks, and before anybody else can add one."""

    def __init__(self, app: Quart) -> None:
        self._app = app
        self._quart = app.asgi_app
        self._own_hooks = hung_in(app, _HOOKS, _WAYS)
        self._is_open: bool | None = None
        self._route = lru_cache(1000)(self._match)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        hub = self._app.extensions.get(EXTENSION)
        if isinstance(hub, Services) and (found := self.find(scope)) is not None:
            await _serve(hub, *found, scope, receive)
        else:
            await self._quart(scope, receive, send)

    def find(self, scope: Any) -> tuple[str, str] | None:
        """The endpoint and the slug of what is plainly a publish, and short."""
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT"):
            return None
        if len(scope["path"]) > _LONGEST:  # No channel's, and not to be remembered.
            return None
        if scope["query_string"] or scope.get("root_path") or any(map(_receivers, _SIGNALS)):
            return None
        if self._is_open is None:  # At the first request: hooks and routes belong before it, as in Flask.
            self._is_open = self._is_ours()
        given = dict(scope["headers"])
        if b"transfer-encoding" in given:
            return None  # It goes before a length (RFC 9112, 6.3).
        length = given.get(b"content-length", b"")
        if not self._is_open or not length.isdigit() or len(length) > 9 or int(length) > _SHORT:
            return None
        return self._route(scope["method"], scope["path"])

    def _match(self, method: str, path: str) -> tuple[str, str] | None:
        """By Quart's own router, so that a route of yours is yours."""
        try:
            endpoint, values = self._app.url_map.bind("").match(path, method)
        except HTTPException:
            return None
        return (endpoint, values["slug"]) if endpoint in _WAYS else None

    def _is_ours(self) -> bool:
        app = self._app
        views = {endpoint: app.view_functions.get(endpoint) for endpoint in _WAYS}
        by_host = app.url_map.host_matching or app.subdomain_matching
        return views == _WAYS and not by_host and hung_in(app, _HOOKS, _WAYS) == self._own_hooks


def hung_in(app: Quart, kinds: Iterable[str], endpoints: Iterable[str]) -> object:
    """All that Quart would call around a request for one of these endpoints, by the blueprints that they belong to."""
    names = (None, *(endpoint.partition(".")[0] for endpoint in endpoints))
    calls = {(kind, name): list(getattr(app, kind).get(name, ())) for kind in kinds for name in names}
    handlers = {
        (name, code): dict(by_class)
        for name in names
        for code, by_class in app.error_handler_spec.get(name, {}).items()
    }
    return calls, handlers, list(app.teardown_appcontext_funcs)


async def _serve(hub: Services, endpoint: str, slug: str, scope: Any, receive: Any) -> None:
    wire: Wire = scope["extensions"][EXTENSION]
    header = header_of(scope)
    request_id = headers.named(header("X-Request-ID"))
    address = address_of(scope)
    allowance = None
    try:
        who = await recognised(hub, header("Authorization"), address)
        allowance = count(hub, who, 1, address)
        if allowance is not None and not allowance.allowed:
            raise refusal(allowance)
        read = partial(_read_body, receive, None if wire.is_heard_out else hub.settings.query_timeout)
        if endpoint == "short.post":
            reply = await publish_text(hub, who, slug, header, lambda _: None, read)
        else:
            reply = await publish_json(hub, who, slug, header, read)
    except ClientDisconnectedError:
        return
    except Refusal as refused:
        reply = refusal_reply(refused, request_id)
    except HTTPException as error:
        reply = http_reply(error, request_id)
    except Exception as error:
        reply = failure_reply(error, request_id)
    said = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(reply.body))),
        *reply.headers,
        *headers.of_answer(request_id, allowance),
        *headers.SAFETY,
        *headers.cross_origin(hub.settings, header("Origin"), scope["method"], scope["path"]),
    ]
    await wire.answer(reply.status, [(_name(name), value.encode()) for name, value in said], reply.body)


def header_of(scope: Any) -> Callable[[str], str | None]:
    """A look-up of the request's headers: of two the first counts, as in Quart."""
    given: dict[bytes, bytes] = dict(reversed(scope["headers"]))

    def header(name: str) -> str | None:
        value = given.get(_name(name))
        return None if value is None else value.decode("latin-1")

    return header


def address_of(scope: Any) -> str:
    """Where the call comes from, as Quart says it, and limits.address()."""
    return (scope.get("client") or ("<local>",))[0] or "unknown"


async def _read_body(receive: Callable[[], Awaitable[Any]], within: float | None) -> bytes:
    """The body, whose length the server has bounded; within no time it is here already, and no timer is set. Raises
    RequestTimeout, or ClientDisconnectedError."""
    body = bytearray()
    try:
        async with asyncio.timeout(within) if within is not None else nullcontext():
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnectedError
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise RequestTimeout from None


@lru_cache(1000)
def _name(name: str) -> bytes:
    return name.lower().encode()
