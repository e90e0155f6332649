"""What is checked of every request's head before anything else sees it: the host, and the one spelling of the path."""

import re
from typing import Any
from urllib.parse import urlsplit

from app.errors import InvalidRequest, NotFound
from app.web.http.hosts import Hosts

# Letters, digits, - . _ ~ and the slash have no escaped form here: a proxy's rule for /metrics would not see it
# (RFC 3986, 6.2.2.2).
_NEEDLESS_ESCAPE = re.compile(rb"%(?:2[def]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])", re.IGNORECASE)
_CHUNKED = -1


def check_head(scope: Any, hosts: Hosts) -> None:
    """Raises InvalidRequest, MisdirectedRequest or NotFound. An absolute target is replaced by its path, and its host
    goes before the header (RFC 9112, 3.2.2)."""
    host = next((value for name, value in scope["headers"] if name == b"host"), None)
    path: str = scope["path"]
    if not path.startswith("/"):
        path, host = _split_target(path, host)
        scope["path"] = path
    if host not in hosts.known:
        hosts.check(scope, host)
    if "//" in path or (b"%" in (raw := scope.get("raw_path") or b"") and _NEEDLESS_ESCAPE.search(raw)):
        raise NotFound("There is nothing at this address.")


def declared_length(scope: Any) -> int:
    """The bytes that the request's head declares for its body; -1 for a body in chunks, of no known length."""
    length = 0
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return _CHUNKED  # It goes before a length (RFC 9112, 6.3).
        if name == b"content-length" and value.isdigit():
            length = int(value[:12])
    return length


def _split_target(target: str, host: bytes | None) -> tuple[str, bytes | None]:
    try:
        parts = urlsplit(target)
    except ValueError:
        raise InvalidRequest("The request's target must be a path or a URL.") from None
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.netloc:
        raise InvalidRequest("The request's target must be a path or a URL.")
    return parts.path or "/", parts.netloc.encode("latin-1", "replace")
