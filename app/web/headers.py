"""What every answer carries: its request id, the browser's safety rules, and who else's pages may call."""

import re
import secrets

from quart import Quart, Response, g, has_websocket_context, request, websocket
from quart.typing import ResponseTypes

from app.config import Settings
from app.logs import REQUEST_ID
from app.web.limits import put_headers

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PAGE_RULES = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_EXPOSED = "X-Request-ID, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, Idempotent-Replayed"


def install(app: Quart, settings: Settings) -> None:
    """Give every request an id and every answer its headers. (Async: Quart runs sync hooks in a thread, a hop each.)"""

    async def name_request() -> None:
        headers = (websocket if has_websocket_context() else request).headers
        given = headers.get("X-Request-ID", "")
        g.request_id = given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
        REQUEST_ID.set(g.request_id)

    async def finish(response: Response) -> Response:
        headers = response.headers
        headers["X-Request-ID"] = g.get("request_id", "")
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "same-origin")
        if response.mimetype == "text/html":
            headers.setdefault("Content-Security-Policy", _PAGE_RULES)
        put_headers(headers)
        origin = request.headers.get("Origin")
        if origin is not None and origin in settings.allowed_origins and request.path.startswith("/api/"):
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = _EXPOSED
            headers.add("Vary", "Origin")
            if request.method == "OPTIONS":
                headers["Access-Control-Allow-Methods"] = "GET, POST, PATCH, DELETE"
                headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
                headers["Access-Control-Max-Age"] = "600"
        return response

    async def finish_handshake(response: ResponseTypes | None) -> ResponseTypes | None:
        """The answer to a handshake that was refused; None when it was not."""
        if response is not None:
            response.headers["X-Request-ID"] = g.get("request_id", "")
            response.headers["Connection"] = "close"  # hypercorn does close then, and a client has to know.
            put_headers(response.headers)
        return response

    app.before_request(name_request)
    app.before_websocket(name_request)
    app.after_request(finish)
    app.after_websocket(finish_handshake)
