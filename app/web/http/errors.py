"""Refusals become answers here: JSON under /api and for tools, a page for a browser; never a trace."""

import logging
from collections.abc import Iterable

import msgspec
from quart import Quart, Response, g, has_websocket_context, render_template, request
from werkzeug.exceptions import HTTPException

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
from app.web.http.replies import Reply

log = logging.getLogger("tidewire.web")

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
    403: "Ask an owner of the channel, or an admin, for the right that is missing.",
    404: "Check the spelling. A private channel is shown to its members alone.",
    405: "This address answers to other methods.",
    413: "Send less at once.",
    429: "Wait a moment, then try again.",
    500: "It is our mistake and it was logged. Tell the operator the request id below.",
    503: "Wait a moment, then try again. If it stays so, tell the operator.",
}


def install(app: Quart) -> None:
    """Answer every refusal and every error of the application."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _failed)


def refusal_reply(refusal: Refusal, request_id: str) -> Reply:
    """What is said to who was refused."""
    headers: list[tuple[str, str]] = []
    if refusal.retry_after is not None or isinstance(refusal, Unavailable):
        headers.append(("Retry-After", str(refusal.retry_after or 1)))
    if isinstance(refusal, Unauthenticated):
        headers.append(("WWW-Authenticate", 'Bearer realm="tidewire"'))  # RFC 6750, 3
    return _reply(refusal.status, refusal.code, refusal.message, refusal.field, request_id, headers)


def http_reply(error: HTTPException, request_id: str) -> Reply:
    """What is said for one of Quart's and Werkzeug's own: an unknown path, a wrong method, a body over the limit."""
    status = error.code or 500
    if status >= 500:
        return _reply(status, INTERNAL_CODE, "Something went wrong here.", None, request_id)
    headers = [(name, value) for name, value in error.get_headers() if name.lower() in ("allow", "retry-after")]
    code = _BY_STATUS.get(status, InvalidRequest).code
    return _reply(status, code, _sentence(status, error), None, request_id, headers)


def failure_reply(error: Exception, request_id: str) -> Reply:
    """What is said for a mistake of ours, which is logged."""
    log.error("Request %s failed", request_id, exc_info=error)
    return _reply(500, INTERNAL_CODE, "Something went wrong here; it was logged.", None, request_id)


async def _refused(refusal: Refusal) -> Response:
    return await _shown(refusal_reply(refusal, request_id()), refusal.message)


async def _http_error(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()  # type: ignore[return-value]
    return await _shown(http_reply(error, request_id()), _sentence(error.code or 500, error))


async def _failed(error: Exception) -> Response:
    return await _shown(failure_reply(error, request_id()), "Something went wrong here; it was logged.")


def _sentence(status: int, error: HTTPException) -> str:
    if status >= 500:
        return "Something went wrong here."
    if status == 404:
        return "There is nothing at this address."
    if status == 405:
        return "This address does not answer to this method."
    if status == 413:
        return "The request is larger than this hub takes at once."
    return error.description or error.name


def _reply(
    status: int,
    code: str,
    message: str,
    field: str | None,
    request_id: str,
    headers: Iterable[tuple[str, str]] = (),
) -> Reply:
    error = {"code": code, "message": message, "field": field, "request_id": request_id}
    return Reply(status, msgspec.json.encode({"error": error}), tuple(headers))


async def _shown(reply: Reply, message: str) -> Response:
    """The reply, as a page for a browser."""
    if not _wants_page():
        return reply.response()
    page = await render_template(
        "error.html",
        status=reply.status,
        title=_titles(reply.status),
        message=message,
        hint=_HINTS.get(reply.status),
        request_id=request_id(),
    )
    answer = Response(page, reply.status, mimetype="text/html")
    for name, value in reply.headers:
        answer.headers[name] = value
    return answer


def _titles(status: int) -> str:
    return {
        401: "Who are you?",
        403: "Not allowed",
        404: "Nothing here",
        429: "Too fast",
        503: "Not now",
    }.get(status, "That did not work")


def _wants_page() -> bool:
    """A browser that opens a page; everything else, curl's short form included, gets JSON."""
    if has_websocket_context() or request.path.startswith("/api/"):
        return False
    return (
        request.method in ("GET", "HEAD")
        and request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
        and "text/html" in request.headers.get("Accept", "")
    )


def request_id() -> str:
    """This request's id, the one in its `X-Request-ID`."""
    found: str = g.get("request_id", "")
    return found
