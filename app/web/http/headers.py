"""What every answer carries: its request id, the caller's limit, the browser's safety rules, and CORS."""

import math

from quart import Quart, Response, g, has_websocket_context, request, websocket
from quart.typing import ResponseTypes

from app.config import Settings
from app.model.rate import Allowance
from app.web.http.call import Call, begin_call
from app.web.http.context import current_call
from app.web.http.query import body_bytes

_PAGE_RULES = (
    "default-src 'self'; connect-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_EXPOSED = "X-Request-ID, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, Idempotent-Replayed"
_SAFETY = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    # What is no page runs nothing, and nobody frames it, also where a browser takes it for one.
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
)
_PAGE_SAFETY = (
    ("Content-Security-Policy", _PAGE_RULES),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_HSTS = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")


def answer_headers(settings: Settings, call: Call) -> list[tuple[str, str]]:
    """The headers of the answer to this call, whoever makes the answer."""
    return [
        ("X-Request-ID", call.request_id),
        *_limit(call.allowance),
        *_SAFETY,
        *([_HSTS] if settings.is_https and settings.env == "production" else []),
        *_cross_origin(settings, call),
    ]


def _limit(allowance: Allowance | None) -> list[tuple[str, str]]:
    """The RateLimit fields (draft-ietf-httpapi-ratelimit-headers-03) of a call that was counted."""
    if allowance is None:
        return []
    return [
        ("RateLimit-Limit", str(allowance.limit)),
        ("RateLimit-Remaining", str(allowance.remaining)),
        ("RateLimit-Reset", str(math.ceil(allowance.reset))),
    ]


def _cross_origin(settings: Settings, call: Call) -> list[tuple[str, str]]:
    """What lets the page of an allowed origin read the answer (WHATWG Fetch, 3.2)."""
    if not call.path.startswith("/api/"):
        return []
    origin = call.header("Origin")
    allowed = [("Vary", "Origin")]  # Without an Origin too: a cache may keep that answer for a page.
    if origin is None or origin not in settings.allowed_origins:
        return allowed
    allowed += [("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", _EXPOSED)]
    if call.method == "OPTIONS":
        allowed += [
            ("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE"),
            ("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"),
            ("Access-Control-Max-Age", "600"),
        ]
    return allowed


def install(app: Quart, settings: Settings) -> None:
    """Make a call of every request, and put its headers on every answer. (Quart runs sync hooks in a thread each.)"""

    async def begin() -> None:
        is_websocket = has_websocket_context()
        g.call = begin_call((websocket if is_websocket else request).scope, None if is_websocket else body_bytes)

    async def finish(response: Response) -> Response:
        call = current_call()
        if response.mimetype == "text/html":
            for name, value in _PAGE_SAFETY:
                response.headers.setdefault(name, value)
        is_kept = call.method in ("GET", "HEAD") or response.mimetype == "text/html"  # By caches, and by a browser.
        if is_kept and call.who is not None and call.who.credential is not None:
            response.headers.setdefault("Cache-Control", "no-store")
        if "varies_by_cookie" in g:
            response.vary.add("Cookie")
        _put(response, answer_headers(settings, call))
        return response

    async def finish_handshake(response: ResponseTypes | None) -> ResponseTypes | None:
        """The answer to a handshake that was refused; None when it was accepted."""
        if response is not None:
            response.headers["Connection"] = "close"  # hypercorn does close then, and a client has to know.
            _put(response, answer_headers(settings, current_call()))
        return response

    app.before_request(begin)
    app.before_websocket(begin)
    app.after_request(finish)
    app.after_websocket(finish_handshake)


def _put(response: ResponseTypes, headers: list[tuple[str, str]]) -> None:
    for name, value in headers:
        if name == "Vary":
            response.vary.add(value)
        elif (name, value) in _SAFETY:
            response.headers.setdefault(name, value)  # A view may have set something stricter.
        else:
            response.headers[name] = value
