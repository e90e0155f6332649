"""The access log: one line for each request, written when it has ended. It never has a query, a header or a body."""

import re
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote, urlsplit

from app.telemetry.logs import ACCESS, REQUEST_ID

MAX_PATH = 500  # Characters.
MAX_METHOD = 20
_ONE_USE = re.compile(r"(/+(?:setup|invite)/+).+", re.DOTALL)  # Of links: what follows is their secret.
_PATH_CHARACTERS = "/-._~!$&'()*+,;=:@"  # RFC 3986, 3.3. All others are escaped, line feeds among them.


class AccessEntry:
    """What the access log tells about one request or websocket. It keeps nothing else of it: a websocket lives long."""

    __slots__ = ("_address", "_method", "_path", "_started", "is_held", "request_id", "sent", "status", "streamed",
                 "token", "user")  # fmt: skip

    def __init__(self, scope: Mapping[str, Any]) -> None:
        """The request of this ASGI scope begins now."""
        self._started = time.monotonic()
        self._method: str = scope.get("method", "GET")  # A handshake is a GET (RFC 6455, 4.1).
        self._path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        self._address: str = (scope.get("client") or ("<local>",))[0] or "unknown"
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
        return self._method != "HEAD"

    def write(self) -> None:
        """Write the line."""
        names = {"user": self.user, "token": self.token}
        known = {name: value for name, value in names.items() if value is not None}
        fields = {
            "method": self._method[:MAX_METHOD],
            "path": _path(self._path),
            "status": self.status,
            "bytes": self.sent + self.streamed(),
            "duration_ms": round(1000 * (time.monotonic() - self._started), 1),
            "address": self._address,
        }
        self.streamed = int  # It holds the websocket, which holds the entry.
        method, path, status, sent, duration, address = fields.values()
        caller = f", {'/'.join(known.values())}" if known else ""
        shown = REQUEST_ID.set(self.request_id)
        try:
            ACCESS.info(
                "%s %s %s, %d bytes, %s ms, %s%s",
                *(method, path, status or "unanswered", sent, duration, address, caller),
                extra={"fields": {**fields, **known}},
            )
        finally:
            REQUEST_ID.reset(shown)


# The entry of the request that the current task serves; None while the access log is off.
ENTRY: ContextVar[AccessEntry | None] = ContextVar("access_entry", default=None)


def _path(target: str) -> str:
    """The path of a decoded target, which may be a whole URL, without a query, even one whose question mark was escaped
    by mistake: it may contain a ticket. Nor with the secret of a link."""
    if not target.startswith("/"):
        try:
            target = urlsplit(target).path
        except ValueError:
            target = ""
    target = _ONE_USE.sub(r"\1*", target)
    return quote(target.partition("?")[0], _PATH_CHARACTERS)[:MAX_PATH] if target.startswith("/") else "-"
