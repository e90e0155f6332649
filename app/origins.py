"""Origins and hosts as settings name them: in one spelling, the one that browsers send, or refused."""

import re
from urllib.parse import urlsplit

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?|\[?[0-9a-f:.]+\]?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def normal_origin(text: str) -> str:
    """As browsers serialize it (RFC 6454, 6.2): lower case, no path, no default port. Raises ValueError."""
    rule = f"must be origins such as https://www.example.org; got {text!r}"
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(rule) from None
    if parts.scheme not in _DEFAULT_PORTS or parts.username or parts.query or parts.fragment:
        raise ValueError(rule)
    if not _HOST.fullmatch(host) or parts.path not in ("", "/"):
        raise ValueError(rule)
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, _DEFAULT_PORTS[parts.scheme]) else "")


def normal_host(text: str) -> str:
    """A host's name or address in lower case, without a port; or * for any. Raises ValueError."""
    host = text.strip().lower().removesuffix(".")
    if host != "*" and not _HOST.fullmatch(host):
        raise ValueError(f"must be host names such as updates.example.org, without scheme or port; got {text!r}")
    return host.strip("[]")
