"""hypercorn's options: which of them are not for a hub, and what each may be, from its own class."""

from enum import Enum
from math import isfinite
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from hypercorn.config import Config

_PROXY = "that belongs to the proxy in front"
# Options for which a hub has something else, or that would break it.
REPLACED = {
    "access_log_format": "set TIDEWIRE_ACCESS_LOG",
    "accesslog": "set TIDEWIRE_ACCESS_LOG",
    "alt_svc_headers": _PROXY,
    "dogstatsd_tags": "the figures are at /metrics",
    "logconfig": "set TIDEWIRE_LOG_LEVEL",
    "logconfig_dict": "set TIDEWIRE_LOG_LEVEL",
    "max_requests": "a hub's connections last",
    "max_requests_jitter": "a hub's connections last",
    "quic_bind": _PROXY,
    "read_timeout": "it would close every watcher that only receives; set TIDEWIRE_PING_INTERVAL",
    "root_path": "give TIDEWIRE_PUBLIC_URL a path",
    "server_names": "set TIDEWIRE_ALLOWED_HOSTS",
    "statsd_host": "the figures are at /metrics",
    "statsd_prefix": "the figures are at /metrics",
    "use_reloader": "run `tidewire serve --reload`",
    "websocket_ping_interval": "set TIDEWIRE_PING_INTERVAL",
    "wsgi_max_body_size": "set TIDEWIRE_MAX_REQUEST_BYTES",
}

_MOST = 2**31 - 1
_RULES: dict[type, str] = {
    bool: "true or false",
    int: f"a whole number from 1 to {_MOST}",
    float: "a number of seconds above 0",
    str: "a text",
    list: "a list of texts",
    dict: "a table",
}
_FROM_0 = frozenset(("graceful_timeout", "group", "umask", "user", "verify_flags", "verify_mode"))
_ADDRESSES = ("bind", "insecure_bind", "quic_bind")


def option_types() -> dict[str, list[type]]:
    """The types that each option takes: as they are annotated, else those of its default."""
    hints = get_type_hints(Config)
    found: dict[str, list[type]] = {"root_path": [str], **{name: [str, list] for name in _ADDRESSES}}
    for name, default in vars(Config).items():
        is_value = not name.startswith("_") and (default is None or type(default) in _RULES)
        if is_value:
            found[name] = _kinds(hints.get(name, type(default)))
    return found


def broken_rule(name: str, kinds: list[type], value: object) -> str | None:
    """What the option of this name must be, when the value is of none of its types."""
    if any(_is_of(kind, value) for kind in kinds) and (value != 0 or isinstance(value, bool) or name in _FROM_0):
        return None
    return " or ".join(_RULES[kind] for kind in kinds)


def _kinds(hint: Any) -> list[type]:
    each = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    plain = [int if isinstance(kind, type) and issubclass(kind, Enum) else get_origin(kind) or kind for kind in each]
    return [kind for kind in plain if kind in _RULES]


def _is_of(kind: type, value: object) -> bool:
    if kind is list:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if kind in (int, float):
        is_number = type(value) is int or (kind is float and isinstance(value, float) and isfinite(value))
        return is_number and 0 <= value <= _MOST  # type: ignore[operator]
    return isinstance(value, kind)
