"""A hub under a path of its host, as TIDEWIRE_PUBLIC_URL names it: `https://example.org/updates`."""

from typing import Any

from app.config import ConfigError
from app.errors import NotFound
from app.model.channel import RESERVED

# They are for operators, who connect to the hub itself: the proxy that forwards the prefix does not show them.
_UNPREFIXED = ("/metrics", "/readyz")


def check_prefix(prefix: str) -> None:
    """Raises ConfigError for one that begins with a path of the hub's own: `/static/x.css` would have two meanings."""
    first = prefix.split("/")[1] if prefix else ""
    if first.partition(".")[0].lower() in RESERVED:
        raise ConfigError(f"TIDEWIRE_PUBLIC_URL: /{first} is the hub's own; choose another path.")


def enter_prefix(scope: Any, prefix: str) -> None:
    """Make `prefix` the scope's root_path, which is a part of its path in ASGI.

    A path without the prefix is that of a caller inside, such as a probe, or of a proxy that removes the prefix.
    Raises NotFound for what is not shown under the prefix.
    """
    path: str = scope["path"]
    if path == prefix:  # Every link on a page is a whole path, so the last slash is not missed.
        path = f"{prefix}/"
    elif not path.startswith(f"{prefix}/"):
        path = prefix + path
        scope["raw_path"] = prefix.encode() + (scope.get("raw_path") or b"")
    elif path.removeprefix(prefix) in _UNPREFIXED:
        raise NotFound("There is nothing at this address.")
    scope["path"], scope["root_path"] = path, prefix
