"""The short way for a handshake: a websocket that only the hub has to do with is accepted without Quart.

As `short_way` for a publish: the same functions as the view's decide who comes, what they may and what a refusal says,
and once anybody else has a hook around the websocket it goes to Quart.
"""

from typing import Any

from quart import Quart, signals

from app.errors import Refusal
from app.services import Services
from app.transport.hypercorn import Wire
from app.web.asgi.fast_publish import address_of, header_of, hung_in
from app.web.asgi.handshake import PATH
from app.web.http import headers
from app.web.http.context import EXTENSION
from app.web.http.errors import failure_reply, refusal_reply
from app.web.http.identity import recognised
from app.web.http.limits import count, refusal
from app.web.http.replies import Reply
from app.web.socket import view as socket

_ENDPOINT = "socket.talk"
_HOOKS = ("before_websocket_funcs", "after_websocket_funcs", "teardown_websocket_funcs", "url_value_preprocessors")
_SIGNALS = (
    signals.websocket_started,
    signals.websocket_finished,
    signals.websocket_tearing_down,
    signals.websocket_received,
    signals.websocket_sent,
    signals.got_websocket_exception,
    signals.appcontext_pushed,
    signals.appcontext_popped,
    signals.appcontext_tearing_down,
)


class ShortHandshake:
    """An ASGI layer around Quart: made after the hub's own hooks, and before anybody else can add one."""

    def __init__(self, app: Quart) -> None:
        self._app = app
        self._inner = app.asgi_app
        self._own_hooks = hung_in(app, _HOOKS, (_ENDPOINT,))
        self._is_open: bool | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        hub = self._app.extensions.get(EXTENSION)
        if scope["type"] == "websocket" and isinstance(hub, Services) and self._is_plain(scope):
            await _shake_hands(hub, scope, receive, send)
        else:
            await self._inner(scope, receive, send)

    def _is_plain(self, scope: Any) -> bool:
        if scope["path"] != PATH or scope["query_string"] or scope.get("root_path"):
            return False
        if any(signal.receivers for signal in _SIGNALS):
            return False
        if self._is_open is None:  # At the first request: hooks and routes belong before it, as in Flask.
            app = self._app
            by_host = app.url_map.host_matching or app.subdomain_matching
            view: Any = app.view_functions.get(_ENDPOINT)
            self._is_open = (
                view is socket.talk and not by_host and hung_in(app, _HOOKS, (_ENDPOINT,)) == self._own_hooks
            )
        return self._is_open


async def _shake_hands(hub: Services, scope: Any, receive: Any, send: Any) -> None:
    await receive()  # It says websocket.connect.
    header, address, allowance, accepted = header_of(scope), address_of(scope), None, False
    request_id = headers.named(header("X-Request-ID"))

    async def accept(subprotocol: str | None) -> None:
        nonlocal accepted
        accepted = True
        await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})

    async def close(code: int, reason: str) -> None:
        await send({"type": "websocket.close", "code": code, "reason": reason})

    try:
        who = await recognised(hub, header("Authorization"), address)
        allowance = count(hub, who, 1, address)
        if allowance is not None and not allowance.allowed:
            raise refusal(allowance)
        wire = scope["extensions"][EXTENSION]
        assert isinstance(wire, Wire)
        await socket.converse(hub, who, address, socket.Shaking(wire, scope["subprotocols"], accept, close))
        return
    except OSError:
        return  # The client has left.
    except Refusal as refused:
        reply = refusal_reply(refused, request_id)
    except Exception as error:
        reply = failure_reply(error, request_id)
    if accepted:
        await close(1011, "something went wrong here; it was logged")
    else:
        await _refuse(send, reply, headers.of_answer(request_id, allowance))


async def _refuse(send: Any, reply: Reply, of_answer: list[tuple[str, str]]) -> None:
    said = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(reply.body))),
        *reply.headers,
        ("Connection", "close"),  # hypercorn does close then, and a client has to know.
        *of_answer,
    ]
    encoded = [(name.lower().encode(), value.encode()) for name, value in said]
    await send({"type": "websocket.http.response.start", "status": reply.status, "headers": encoded})
    await send({"type": "websocket.http.response.body", "body": reply.body, "more_body": False})
