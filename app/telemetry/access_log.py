"""The access log: one line for each request, written when it has ended. It never has a query, a header or a body."""

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote

from app.telemetry.logs import ACCESS, REQUEST_ID

MAX_PATH = 500  # Characters.
_PATH_CHARACTERS = "/-._~!$&'()*+,;=:@"  # RFC 3986, 3.3. All others are escaped, line feeds among them.


class AccessEntry:
    """What the access log tells about one request or websocket."""

    __slots__ = ("_scope", "_started", "is_held", "request_id", "sent", "status", "streamed", "token", "user")

    def __init__(self, scope: Mapping[str, Any]) -> None:
        """The request of this ASGI scope begins now."""
        self._scope = scope
        self._started = time.monotonic()
        self.is_held = False  # True for a websocket that outlives its handshake.
        self.request_id: str | None = None
        self.status: int | None = None  # None where the client left, or was cut, before an answer.
        self.sent = 0  # Bytes of the answer's body,
        self.streamed: Callable[[], int] = int  # and those that a stream or a websocket has written to the socket.
        self.user: str | None = None
        self.token: str | None = None

    @property
    def has_body(self) -> bool:
        """Does the server send the body of the answer?"""
        return self._scope.get("method") != "HEAD"

    def write(self) -> None:
        """Write the line."""
        sent = self.sent + self.streamed()
        fields = {
            "method": self._scope.get("method", "GET")[:20],
            "path": _path(self._scope["path"].removeprefix(self._scope.get("root_path", ""))),
            "status": self.status,
            "bytes": sent,
            "duration_ms": round(1000 * (time.monotonic() - self._started), 1),
            "address": (self._scope.get("client") or ("<local>",))[0] or "unknown",
            **({"user": self.user} if self.user is not None else {}),
            **({"token": self.token} if self.token is not None else {}),
        }
        caller = "/".join(name for name in (self.user, self.token) if name is not None)
        shown = REQUEST_ID.set(self.request_id)
        try:
            ACCESS.info(
                "%s %s %s, %d bytes, %s ms, %s%s",
                fields["method"],
                fields["path"],
                self.status or "unanswered",
                sent,
                fields["duration_ms"],
                fields["address"],
                caller and f", {caller}",
                extra={"fields": fields},
            )
        finally:
            REQUEST_ID.reset(shown)


# The entry of the request that the current task serves; None while the access log is off.
ENTRY: ContextVar[AccessEntry | None] = ContextVar("access_entry", default=None)


def _path(decoded: str) -> str:
    """The path without a query, even one whose question mark was escaped by mistake: it may contain a ticket. A target
    that is no path may contain a password."""
    if not decoded.startswith("/"):
        return "-"
    return quote(decoded.partition("?")[0], _PATH_CHARACTERS)[:MAX_PATH]
