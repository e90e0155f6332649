"""Which hosts the hub serves. A page that binds its own name to the hub's address (DNS rebinding) sends that name."""

import re
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from app.addresses import MAX_PORT
from app.config import Settings
from app.errors import InvalidRequest, MisdirectedRequest

# RFC 9110, 7.2: a name of labels (RFC 1035, 2.3.4), or an address, and perhaps a port.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(\[[0-9A-Fa-f:.]{{2,45}}\]|{_LABEL}(?:\.{_LABEL})*)\.?(?::(\d{{0,5}}))?")
_MAX_CHARACTERS = 260
_MAX_NAME = 253
_MAX_KNOWN = 1000
_PROBES = ("/healthz", "/readyz")  # Asked by address or by any name, and they show nothing.


class Hosts:
    """The hosts of one hub: of TIDEWIRE_PUBLIC_URL and TIDEWIRE_ALLOWED_HOSTS, in development loopback names and
    addresses too, and the address at which a request has arrived."""

    def __init__(self, settings: Settings) -> None:
        public = urlsplit(settings.public_url).hostname if settings.public_url else None
        self._names = {*settings.allowed_hosts, *([public] if public else [])}
        self._serves_any = "*" in self._names or (settings.env == "testing" and not settings.allowed_hosts)
        self._serves_loopback = settings.env == "development"
        self.known: set[bytes | None] = {None}  # Headers that passed, as they were sent; HTTP/1.0 has none.

    def check(self, scope: Any, host: bytes | None) -> None:
        """`host` is the header of a request, and not one of `known`. Raises InvalidRequest where it is malformed,
        MisdirectedRequest where it is not the hub's."""
        if host is None:
            return
        text = host.decode("latin-1")
        match = _HOST.fullmatch(text) if len(text) <= _MAX_CHARACTERS else None
        if match is None or len(match[1]) > _MAX_NAME or int(match[2] or 0) > MAX_PORT:
            raise InvalidRequest("Host must be a host name or an address, and perhaps a port.", field="Host")
        name = match[1].strip("[]").lower()
        if self._serves(name):
            if len(self.known) < _MAX_KNOWN:
                self.known.add(host)
        elif not _is_address_of(scope, name) and scope["path"] not in _PROBES:
            raise MisdirectedRequest(
                f"This hub does not serve the host {name[:80]!r}. Its operator names its hosts in TIDEWIRE_PUBLIC_URL "
                "and TIDEWIRE_ALLOWED_HOSTS.",
                field="Host",
            )

    def _serves(self, name: str) -> bool:
        if self._serves_any or name in self._names:
            return True
        return self._serves_loopback and _is_loopback(name)


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, 6.3.
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _is_address_of(scope: Any, name: str) -> bool:
    """Is it the address of the server's socket? A name that leads there is not it."""
    server = (scope.get("server") or ("",))[0]
    try:
        return ip_address(name) == ip_address(server)
    except ValueError:
        return False
