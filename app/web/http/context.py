"""What a view needs of its application: the hub's services, the present call, and the wire under it."""

from typing import Any

from quart import current_app, g, has_websocket_context, request, websocket

from app.errors import Unavailable
from app.services import Services
from app.transport.wire import Wire
from app.web.http.call import Call, begin_call

EXTENSION = "tidewire"


def services() -> Services:
    """The services of the application that serves this request. Raises Unavailable before they are open."""
    found = current_app.extensions.get(EXTENSION)
    if not isinstance(found, Services):
        raise Unavailable("The hub is starting or stopping; try again.", retry_after=1)
    return found


def current_call() -> Call:
    """The call that this view answers."""
    if "call" not in g:  # A hook of yours refused the request before ours could see it.
        g.call = begin_call(_scope())
    call: Call = g.call
    return call


def wire() -> Wire:
    """The server's side of this request or websocket."""
    found = (_scope().get("extensions") or {}).get(EXTENSION)
    assert isinstance(found, Wire), "The supervisor is around the application, and so around every call of it."
    return found


def _scope() -> Any:
    return websocket.scope if has_websocket_context() else request.scope
