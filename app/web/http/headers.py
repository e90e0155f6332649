"""What every answer carries: its request id, the browser's safety rules, and who else's pages may call."""

import re
import secrets

from quart import Quart, Response, g, has_websocket_context, request, websocket
from quart.typing import ResponseTypes

from app.config import Settings
from app.model.rate import Allowance
from app.telemetry.logs import REQUEST_ID
from app.web.http.limits import fields

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PAGE_RULES = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_EXPOSED = "X-Request-ID, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, Idempotent-Replayed"

SAFETY = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin"))


def named(given: str | None) -> str:
    """The request's id, the caller's own where it may be one; what is logged from here on carries it."""
    request_id = given if given is not None and _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
    REQUEST_ID.set(request_id)
    return request_id


def of_answer(request_id: str, allowance: Allowance | None) -> list[tuple[str, str]]:
    """What the answer says of its call: the id, and how the caller's limit stands."""
    return [("X-Request-ID", request_id), *fields(allowance)]


def cross_origin(settings: Settings, origin: str | None, method: str, path: str) -> list[tuple[str, str]]:
    """What lets the page of a configured origin read the answer (WHATWG Fetch, 3.2)."""
    if origin is None or origin not in settings.allowed_origins or not path.startswith("/api/"):
        return []
    allowed = [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", _EXPOSED),
        ("Vary", "Origin"),
    ]
    if method == "OPTIONS":
        allowed += [
            ("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE"),
            ("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"),
            ("Access-Control-Max-Age", "600"),
        ]
    return allowed


def install(app: Quart, settings: Settings) -> None:
    """Give every request an id and every answer its headers. (Async: Quart runs sync hooks in a thread, a hop each.)"""

    async def name_request() -> None:
        headers = (websocket if has_websocket_context() else request).headers
        g.request_id = named(headers.get("X-Request-ID"))

    async def finish(response: Response) -> Response:
        headers = response.headers
        for name, value in of_answer(g.get("request_id", ""), g.get("allowance")):
            headers[name] = value
        for name, value in SAFETY:
            headers.setdefault(name, value)
        if response.mimetype == "text/html":
            headers.setdefault("Content-Security-Policy", _PAGE_RULES)
        for name, value in cross_origin(settings, request.headers.get("Origin"), request.method, request.path):
            headers.add(name, value)
        return response

    async def finish_handshake(response: ResponseTypes | None) -> ResponseTypes | None:
        """The answer to a handshake that was refused; None when it was not."""
        if response is not None:
            response.headers["Connection"] = "close"  # hypercorn does close then, and a client has to know.
            for name, value in of_answer(g.get("request_id", ""), g.get("allowance")):
                response.headers[name] = value
        return response

    app.before_request(name_request)
    app.before_websocket(name_request)
    app.after_request(finish)
    app.after_websocket(finish_handshake)
