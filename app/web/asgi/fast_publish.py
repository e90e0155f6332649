"""The fast path of a publish: a small POST that only the hub has to do with is answered without Quart.

Quart takes five times as long for a publish as its share of the commit does: contexts, signals, two tasks, a session,
a request and a response (the benchmark `publish` has the POST beside hypercorn alone). The steps are the views'
own: both make a `Call`, and all else is functions of it. Whatever is not plainly a publish goes to Quart.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from functools import lru_cache, partial
from typing import Any

from quart import Quart
from quart.wrappers.base import ClientDisconnectedError
from werkzeug.exceptions import RequestTimeout

from app.services import Services
from app.transport.wire import Wire
from app.web.api import text_publish, updates
from app.web.api.publishing import publish_json, publish_text
from app.web.asgi.fast_path import FastPath
from app.web.http.call import begin_call
from app.web.http.context import EXTENSION
from app.web.http.errors import reply_to
from app.web.http.headers import answer_headers
from app.web.http.identity import admit_call

_MAX_BODY = 64 * 1024  # Bytes.
_MAX_PATH = 200  # Characters.
_MAX_ROUTES = 1000
_TEXT = "tidewire_text_publish.post"
_VIEWS = {"tidewire_api_updates.post_updates": updates.post_updates, _TEXT: text_publish.post}


class FastPublish:
    """An ASGI layer around Quart; calls that are no publish go to the next one."""

    def __init__(self, app: Quart) -> None:
        self._app = app
        self._inner = app.asgi_app
        self._path = FastPath(app, _VIEWS)
        self._route = lru_cache(_MAX_ROUTES)(self._path.route)  # The router takes 7 µs, a fiftieth of a publish.

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        hub = self._app.extensions.get(EXTENSION)
        if isinstance(hub, Services) and (found := self.find(scope)) is not None:
            await _answer(hub, *found, scope, receive)
        else:
            await self._inner(scope, receive, send)

    def find(self, scope: Any) -> tuple[str, str] | None:
        """The endpoint and the slug of what is plainly a publish, and small."""
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT"):
            return None
        if len(scope["path"]) > _MAX_PATH:  # No channel's, and not to be kept.
            return None
        if scope["query_string"]:
            return None
        headers = dict(scope["headers"])
        if b"transfer-encoding" in headers:
            return None  # It goes before a length (RFC 9112, 6.3).
        length = headers.get(b"content-length", b"")
        if not length.isdigit() or len(length) > 9 or int(length) > _MAX_BODY or not self._path.is_open():
            return None
        return self._route(scope["method"], scope["path"].removeprefix(scope.get("root_path", "")))


async def _answer(hub: Services, endpoint: str, slug: str, scope: Any, receive: Any) -> None:
    wire: Wire = scope["extensions"][EXTENSION]
    # Where the whole request has come already, its body needs no timer.
    within = None if wire.is_request_complete else hub.settings.query_timeout
    call = begin_call(scope, partial(_read_body, receive, within))
    try:
        who = await admit_call(hub, call, cookies=endpoint != _TEXT)
        reply = await (publish_text if endpoint == _TEXT else publish_json)(hub, who, slug, call)
    except ClientDisconnectedError:
        return
    except Exception as error:
        reply = reply_to(error, call)
    headers = [*reply.all_headers, *answer_headers(hub.settings, call)]
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers]
    if reply.status < 400:
        await wire.answer(reply.status, encoded, reply.body)
        return
    # By the server, which paces the refusals of a network.
    await wire.send({"type": "http.response.start", "status": reply.status, "headers": encoded})
    await wire.send({"type": "http.response.body", "body": reply.body})


async def _read_body(receive: Callable[[], Awaitable[Any]], within: float | None) -> bytes:
    """The body, whose length the server has bounded. Raises RequestTimeout, or ClientDisconnectedError."""
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
