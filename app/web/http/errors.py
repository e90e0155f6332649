"""Errors become answers here: JSON under /api and for tools, a page for a browser. A trace is only in the page of
development."""

import logging
import traceback
from collections.abc import Iterable
from ipaddress import ip_address

import msgspec
from quart import Quart, Response, current_app, g, has_request_context, has_websocket_context, render_template, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import WebsocketMismatch

from app.errors import (
    INTERNAL_CODE,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    Refusal,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)
from app.web.http import session_cookie
from app.web.http.call import Call
from app.web.http.context import current_call
from app.web.http.replies import Reply

log = logging.getLogger("tidewire.web")
_SHOW_TRACES = "TIDEWIRE_SHOW_TRACES"  # In the application's configuration.
FAILURE = "tidewire.failure"  # Where a call's scope keeps the error that its test is to see.

_BY_STATUS: dict[int, type[Refusal]] = {
    kind.status: kind
    for kind in (
        Unauthenticated,
        Forbidden,
        NotFound,
        TooLarge,
        UnsupportedMediaType,
        RateLimited,
        Unavailable,
    )
}
_HINTS = {
    400: "Check the address and what was sent.",
    401: "Sign in, or send a token.",
    403: "Ask for the right that is missing: an owner of the channel, or an administrator of the hub.",
    404: "Check the address. What is private is shown to its members alone, when they are signed in.",
    405: "This address answers to other methods.",
    413: "Send less at once.",
    429: "Wait a moment, then try again.",
    500: "It is the hub's mistake, and it was logged. Give the operator the request id below.",
    503: "Wait a moment, then try again. If it persists, ask the operator.",
}

_TITLES = {
    401: "Sign in to continue",
    403: "Not allowed",
    404: "Nothing here",
    429: "Too many requests",
    503: "Temporarily unavailable",
}


def install(app: Quart, *, show_traces: bool) -> None:
    """Answer every refusal and every error of the application. With `show_traces`, in development, the page of an error
    that nobody foresaw shows its trace; the API's answers never do."""
    app.config[_SHOW_TRACES] = show_traces
    for kind in (Refusal, HTTPException, Exception):
        app.register_error_handler(kind, _answer)


def reply_to(error: Exception, call: Call) -> Reply:
    """The answer to a call that failed: by a refusal, by an error of Quart's or Werkzeug's (an unknown path, a wrong
    method, a body over the limit), or by a mistake of ours, which is logged."""
    if isinstance(error, Refusal):
        return _error_reply(call, error.status, error.code, error.message, error.field, _refusal_headers(error))
    if isinstance(error, HTTPException):
        return _http_reply(error, call)
    log.error("Request %s failed", call.request_id, exc_info=error)
    return _error_reply(call, 500, INTERNAL_CODE, "Something went wrong here; it was logged.")


def _refusal_headers(refusal: Refusal) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    if refusal.retry_after is not None or isinstance(refusal, Unavailable):
        headers.append(("Retry-After", str(refusal.retry_after or 1)))
    if isinstance(refusal, Unauthenticated):
        headers.append(("WWW-Authenticate", 'Bearer realm="tidewire"'))  # RFC 6750, 3
    return headers


def _http_reply(error: HTTPException, call: Call) -> Reply:
    status = error.code or 500
    if call.scope.get("type") == "websocket" and isinstance(error, WebsocketMismatch | MethodNotAllowed):
        message = f"There is no websocket at this address; the hub's own is {call.root}/api/v1/ws."
        return _error_reply(call, 400, InvalidRequest.code, message)
    if isinstance(error, WebsocketMismatch):
        # RFC 9110, 15.5.22, and RFC 6455, 4.4.
        upgrade = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")]
        message = (
            "This address is a websocket: call it with Upgrade: websocket, a Sec-WebSocket-Key, and version 13 of the "
            "protocol."
        )
        return _error_reply(call, 426, InvalidRequest.code, message, None, upgrade)
    if status >= 500:
        # `abort(500)` of a view, or an error that Quart has wrapped.
        cause = getattr(error, "original_exception", None)
        log.error("Request %s failed: %s", call.request_id, error, exc_info=cause)
        return _error_reply(call, status, INTERNAL_CODE, "Something went wrong here.")
    headers = [(name, value) for name, value in error.get_headers() if name.lower() in ("allow", "retry-after")]
    code = _BY_STATUS.get(status, InvalidRequest).code
    return _error_reply(call, status, code, _sentence(status, error, call), None, headers)


def unparsed(status: int, call: Call) -> Reply:
    """The answer to what is no request of HTTP, with the status that the server's parser found."""
    if status == 501:
        message = "A body is sent whole, or in chunks: this hub knows no other Transfer-Encoding."
    elif status == 431:
        message = "The request's line and headers are larger than this hub accepts: 32 KiB."
    elif status == 505:
        message = "This hub speaks HTTP/1.1; other versions belong to the proxy in front of it."
    else:
        message = "This is no request of HTTP/1.1 (RFC 9112), or it has no Host, or several."
    return _error_reply(call, status, InvalidRequest.code, message)


async def _answer(error: Exception) -> Response:
    """The error handler of the application: the reply in JSON, or as a page for a browser."""
    if isinstance(error, HTTPException) and (error.response is not None or (error.code or 500) < 400):
        return error.get_response()  # type: ignore[return-value]
    if not isinstance(error, HTTPException | Refusal) and _is_tested():
        current_call().scope[FAILURE] = error
        raise error
    if isinstance(error, Unauthenticated) and has_request_context():
        session_cookie.drop()  # Whatever session it was of has ended: the next page is an anonymous visitor's.
    reply = reply_to(error, current_call())
    trace = _trace(error)
    # A text that a browser publishes by a form is answered with JSON, but a developer wants to see the trace.
    is_page = _wants_page(any_method=trace is not None or "answers_page" in g)
    return await _page(reply, trace) if is_page else reply.response()


def _is_tested() -> bool:
    """True for a call of Quart's test client, with TESTING on and PROPAGATE_EXCEPTIONS not off, as in Flask."""
    propagates = current_app.testing and current_app.config["PROPAGATE_EXCEPTIONS"] is not False
    return propagates and "_quart._preserve_context" in current_call().scope


def _sentence(status: int, error: HTTPException, call: Call) -> str:
    if status >= 500:
        return "Something went wrong here."
    if status == 404 and call.path.startswith("/api"):
        return f"There is nothing at this address; {call.root}/api/docs describes the API."
    if status == 404 and call.path.endswith("/"):
        return "There is nothing at this address; without its last slash it may be a channel."
    if status == 404 and call.method == "PUT":
        # curl -T adds the file's name to an address that ends in a slash.
        return "There is nothing at this address; a text is published to a channel's own, without a slash after it."
    if status == 404:
        return "There is nothing at this address."
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        return f"This address answers to {', '.join(sorted(error.valid_methods))}, not to {call.method[:20]}."
    if status == 413:
        return "The request's body is larger than TIDEWIRE_MAX_REQUEST_BYTES, this hub's bound for it."
    return error.description or error.name


def _error_reply(
    call: Call,
    status: int,
    code: str,
    message: str,
    field: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
) -> Reply:
    error = {"code": code, "message": message, "field": field, "request_id": call.request_id}
    return Reply(status, msgspec.json.encode({"error": error}) + b"\n", tuple(headers))


def _trace(error: Exception) -> str | None:
    """The trace that a page shows: only to this machine, because a hub in development may be reachable from others."""
    if not (current_app.config[_SHOW_TRACES] and _is_local(current_call())):
        return None
    if isinstance(error, HTTPException):
        cause = getattr(error, "original_exception", None)
    else:
        cause = None if isinstance(error, Refusal) else error
    return "".join(traceback.format_exception(cause)) if cause is not None else None


def _is_local(call: Call) -> bool:
    """Is it a call of this machine to itself? One that a proxy or a tunnel forwards comes from here, too."""
    forwarded = frozenset((b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via"))
    try:
        return ip_address(call.address).is_loopback and not call.has_header(forwarded)
    except ValueError:
        return False  # A Unix socket has a proxy in front.


async def _page(reply: Reply, trace: str | None) -> Response:
    page = await render_template(
        "error.html",
        status=reply.status,
        title=_TITLES.get(reply.status, "That did not work"),
        message=msgspec.json.decode(reply.body)["error"]["message"],
        hint=_HINTS.get(reply.status),
        request_id=current_call().request_id,
        trace=trace,
    )
    answer = Response(page, reply.status, mimetype="text/html")
    for name, value in reply.headers:
        answer.headers[name] = value
    return answer


def _wants_page(*, any_method: bool) -> bool:
    """A browser that opens a page, or with `any_method` sends a form; all else, curl's text publish included, gets
    JSON."""
    if has_websocket_context() or request.path.startswith("/api/"):
        return False
    return (
        (any_method or request.method in ("GET", "HEAD"))
        and request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
        and "text/html" in request.headers.get("Accept", "")
    )
