"""What a view needs of its application: the hub's services, and the wire under the request."""

from typing import Any

from quart import current_app, has_websocket_context, request, websocket

from app.errors import Unavailable
from app.services import Services
from app.transport.hypercorn import Wire

EXTENSION = "tidewire"


def services() -> Services:
    """The services of the application that serves this request. Raises Unavailable before they are open."""
    found = current_app.extensions.get(EXTENSION)
    if not isinstance(found, Services):
        raise Unavailable("The hub is starting or stopping; try again.", retry_after=1)
    return found


def wire() -> Wire:
    """The server's side of this request or websocket."""
    scope: Any = websocket.scope if has_websocket_context() else request.scope
    found = (scope.get("extensions") or {}).get(EXTENSION)
    assert isinstance(found, Wire), "ServerSide is around the application, and so around every call of it."
    return found
