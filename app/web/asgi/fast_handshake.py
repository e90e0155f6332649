"""The fast path of a handshake: a websocket that only the hub has to do with is accepted without Quart.

Quart takes half of a handshake (the benchmark `memory` shows what connecting costs beside hypercorn alone). As for a
publish, the steps are the view's own.
"""

from typing import Any

from quart import Quart

from app.services import Services
from app.transport.wire import Wire
from app.web.asgi.fast_path import FastPath
from app.web.asgi.handshake import is_own
from app.web.asgi.refuse import refuse
from app.web.http.call import begin_call
from app.web.http.context import EXTENSION
from app.web.http.errors import reply_to
from app.web.http.identity import admit_call
from app.web.socket import view as socket


class FastHandshake:
    """An ASGI layer around Quart."""

    def __init__(self, app: Quart) -> None:
        self._app = app
        self._inner = app.asgi_app
        self._path = FastPath(app, {"tidewire_socket.talk": socket.talk}, websocket=True)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        hub = self._app.extensions.get(EXTENSION)
        if isinstance(hub, Services) and self._is_plain(scope) and self._path.is_open():
            await _shake_hands(hub, scope, send)
        else:
            await self._inner(scope, receive, send)

    @staticmethod
    def _is_plain(scope: Any) -> bool:
        """A handshake with the hub's own websocket. One with a ticket is Quart's."""
        return scope["type"] == "websocket" and is_own(scope) and not scope["query_string"]


async def _shake_hands(hub: Services, scope: Any, send: Any) -> None:
    call, accepted = begin_call(scope), False

    async def accept(subprotocol: str | None) -> None:
        nonlocal accepted
        accepted = True
        await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})

    async def close(code: int, reason: str) -> None:
        await send({"type": "websocket.close", "code": code, "reason": reason})

    try:
        who = await admit_call(hub, call, tickets=True)
        wire = scope["extensions"][EXTENSION]
        assert isinstance(wire, Wire)
        offered = scope.get("subprotocols", ())  # Optional in ASGI, and absent in Quart's test client.
        await socket.connect(hub, who, call.address, socket.Handshake(wire, offered, accept, close))
        return
    except OSError:
        return  # The client has left.
    except Exception as error:
        if accepted:
            reply_to(error, call)  # Logs it.
            await close(1011, "something went wrong here; it was logged")
        else:
            await refuse(hub.settings, call, send, error)
