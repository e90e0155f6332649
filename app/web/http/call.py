"""A call: one HTTP request or websocket handshake, as all that identity, limits, refusals and headers need of it.

One function makes it from an ASGI scope. Quart's views have theirs from `request.scope`, the fast paths from the scope
itself: a fast path decides which loop answers, never how.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Iterable
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.sansio.http import parse_cookie

from app.errors import InvalidRequest, UnsupportedMediaType
from app.model.access import Principal
from app.model.rate import Allowance
from app.telemetry.logs import REQUEST_ID

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

type ReadBody = Callable[[], Awaitable[bytes]]


class Call:
    """One call. Its caller is `who`, once that is known, and `allowance` what is left of their limit."""

    def __init__(self, scope: Any, read_body: ReadBody | None = None) -> None:
        self.scope = scope
        self.method: str = scope.get("method", "GET")  # A handshake is a GET (RFC 6455, 4.1).
        self.root: str = scope.get("root_path", "")  # The path under which the hub is, without a last slash.
        self.path: str = scope["path"].removeprefix(self.root)
        self.address: str = (scope.get("client") or ("<local>",))[0] or "unknown"
        self.allowance: Allowance | None = None
        self.who: Principal | None = None
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        if len(self._headers) < len(scope["headers"]):
            self._headers = _joined(scope["headers"])
        self._read_body = read_body
        given = self.header("X-Request-ID")
        self.request_id = given if given is not None and _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)

    def header(self, name: str) -> str | None:
        """The header of this name; several are one list (RFC 9110, 5.3), and none is None. In UTF-8, as every shell
        sends it, else in Latin-1."""
        value = self._headers.get(name.lower().encode())
        if value is None:
            return None
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("latin-1")

    def single_header(self, name: str) -> str | None:
        """As `header`, for one that is no list. Raises InvalidRequest where it is sent twice."""
        wanted = name.lower().encode()
        if wanted in self._headers and sum(sent == wanted for sent, _ in self.scope["headers"]) > 1:
            raise InvalidRequest(f"{name} must be sent once.", field=name)
        return self.header(name)

    def cookie(self, name: str) -> str | None:
        """The cookie of this name, the first of several; None where there is none."""
        sent = self._headers.get(b"cookie")
        if sent is None or name.encode() not in sent:
            return None
        return parse_cookie(sent.replace(b", ", b"; ").decode("latin-1")).get(name)

    def has_header(self, names: frozenset[bytes]) -> bool:
        """Is any header of these names sent? They are in lower case."""
        return not names.isdisjoint(self._headers)

    @property
    def media_type(self) -> str:
        """The Content-Type in lower case, without its parameters; empty when there is none."""
        return (self.header("Content-Type") or "").partition(";")[0].strip().lower()

    def check_encoding(self) -> None:
        """Raises UnsupportedMediaType for a body that is compressed (RFC 9110, 8.4)."""
        if (self._headers.get(b"content-encoding") or b"identity").lower() != b"identity":
            raise UnsupportedMediaType("Send the body as it is, without a Content-Encoding.", field="Content-Encoding")

    def check_json_type(self) -> None:
        """Raises UnsupportedMediaType for a Content-Type that is not JSON, and for a body that is compressed."""
        self.check_encoding()
        kind = self.media_type
        if kind and kind != "application/json" and not kind.endswith("+json"):
            raise UnsupportedMediaType(f"Send the body as application/json, not {kind[:80]}.", field="Content-Type")

    @property
    def content_length(self) -> int:
        """The body's length in bytes as its head declares it; 0 where it declares none."""
        value = self._headers.get(b"content-length", b"")
        return int(value[:12]) if value.isdigit() else 0

    def argument(self, name: str) -> str | None:
        """The query's parameter of this name, the first of several; None where there is none."""
        return next((value for each, value in self.arguments if each == name), None)

    @cached_property
    def arguments(self) -> tuple[tuple[str, str], ...]:
        """All of the query's parameters, in order. Raises InvalidRequest for one that is not UTF-8."""
        text = self.scope.get("query_string", b"").decode("latin-1")
        found = tuple(parse_qsl(text, keep_blank_values=True, errors="surrogateescape"))
        for name, value in found:
            if not _is_unicode(name + value):
                shown = name if _is_unicode(name) else None
                raise InvalidRequest(f"{shown or 'The query'} must be UTF-8, percent-encoded.", field=shown)
        return found

    async def body(self) -> bytes:
        """The whole body. Raises Werkzeug's HTTPException where it is too large or does not come in time."""
        return await self._read_body() if self._read_body is not None else b""


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= each <= "\udfff" for each in text)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        found[name] = found[name] + b", " + value if name in found else value
    return found


def begin_call(scope: Any, read_body: ReadBody | None = None) -> Call:
    """The call of this scope; what is logged from here on carries its request id."""
    call = Call(scope, read_body)
    REQUEST_ID.set(call.request_id)
    return call
