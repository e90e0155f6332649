"""The checks of the settings: their values, without passwords, and which of them are unsafe."""

import re
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from enum import Enum

from app.config import PREFIX, Settings

_PASSWORD = re.compile(r"://([^:/?#@]*):.*@", re.DOTALL)  # Up to the last @: a password may hold one, or a slash.
_PASSWORD_ARGUMENT = re.compile(r"(?i)([?&](?:password|passwd|pwd|secret)=)[^&]*")
_LOOPBACK = ("127.", "localhost", "[::1]", "unix:")
_ALWAYS = ("env", "database_url", "redis_url", "bind", "workers", "public_url", "data_dir", "rate_limits")
_DEFAULT_BIND = Settings.__dataclass_fields__["bind"].default
_MIN_DIFFERENT_CHARACTERS = 10  # 32 random characters have fewer less than once in 10,000 times, in base64 or hex.


class State(Enum):
    """The severity of a finding."""

    OK = 0
    UNSAFE = 1
    WRONG = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    state: State
    subject: str
    sentence: str


def configured(settings: Settings) -> Iterator[tuple[str, str]]:
    """The settings that are always shown, and those that differ from their defaults, as (variable, value)."""
    for each in fields(settings):
        value = getattr(settings, each.name)
        default = each.default if each.default is not MISSING else None
        if each.name == "secret_key":
            yield PREFIX + "SECRET_KEY", f"set, {len(value)} characters" if value else "not set"
        elif each.name == "secret_key_fallbacks":
            if value:
                yield PREFIX + "SECRET_KEY_FALLBACKS", f"set, {len(value)} of them"
        elif each.name in _ALWAYS or value != default:
            yield PREFIX + each.name.upper(), _shown(value)


def without_password(url: str) -> str:
    """The URL with *** instead of its password."""
    return _PASSWORD_ARGUMENT.sub(r"\1***", _PASSWORD.sub(r"://\1:***@", url))


def unsafe(settings: Settings) -> Iterator[Finding]:
    """The settings with which the hub runs, but should not be exposed to others."""
    is_production = settings.env == "production"
    # Without a key the next start of a development makes one; production does not start.
    if not settings.rate_limits:
        yield Finding(State.UNSAFE, "rate limits", "off (TIDEWIRE_RATE_LIMITS): for load tests only.")
    if settings.secret_key and len(set(settings.secret_key)) < _MIN_DIFFERENT_CHARACTERS:
        yield Finding(
            State.UNSAFE,
            "secret key",
            "is not random; make one with `python -c 'import secrets; print(secrets.token_urlsafe(32))'`.",
        )
    if is_production and settings.bind == _DEFAULT_BIND and settings.trusted_proxies == 0:
        yield Finding(
            State.UNSAFE,
            "address",
            f"{settings.bind} is reachable from this machine only: right behind a local proxy, wrong in a container.",
        )
    if not is_production and not settings.bind.startswith(_LOOPBACK):
        yield Finding(
            State.UNSAFE,
            "address",
            f"{settings.bind} is reachable from other machines, in {settings.env}: set TIDEWIRE_ENV=production.",
        )
    if is_production and settings.public_url is None:
        yield Finding(
            State.UNSAFE, "public URL", "TIDEWIRE_PUBLIC_URL is not set: the hub has no public address to show."
        )
    if is_production and (settings.public_url or "").startswith("http://"):
        yield Finding(State.UNSAFE, "public URL", f"{settings.public_url} is not https: tokens are sent unencrypted.")
    if is_production and settings.public_url is not None and settings.trusted_proxies == 0:
        yield Finding(
            State.UNSAFE,
            "proxies",
            "TIDEWIRE_TRUSTED_PROXIES is 0: behind a proxy all anonymous callers count as one.",
        )
    if settings.redis_url is not None and settings.sqlite_path is not None:
        yield Finding(State.UNSAFE, "database", "SQLite serves one machine; hubs on several need PostgreSQL.")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value) or "-"
    return "-" if value is None else without_password(str(value))
