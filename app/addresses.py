"""The addresses among the settings: checked, and completed where only one meaning is possible. No I/O.

A message never repeats an address that may hold a password.
"""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from app.environment import PREFIX, ConfigError

SQLITE = "sqlite+aiosqlite:///"
POSTGRESQL = "postgresql+asyncpg://"
# What providers show, and what other drivers need.
_COMPLETED = {"postgres://": POSTGRESQL, "postgresql://": POSTGRESQL, "postgres+asyncpg://": POSTGRESQL}
_COMPLETED["sqlite:///"] = SQLITE
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_PLAIN_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
MAX_PORT = 65535


def database_url(url: str) -> str:
    """The URL with its driver. Raises ConfigError for another database, and for no file."""
    for short, form in _COMPLETED.items():
        if url.startswith(short):
            url = form + url.removeprefix(short)
    if not url.startswith((SQLITE, POSTGRESQL)):
        scheme = url.partition("://")[0] if "://" in url else "none"
        right = POSTGRESQL if scheme.startswith("postgres") else SQLITE if scheme.startswith("sqlite") else None
        hint = f"; write {right}… instead of {scheme}://…" if right and scheme != right.partition("://")[0] else ""
        raise ConfigError(f"{PREFIX}DATABASE_URL must begin with {SQLITE} or {POSTGRESQL}{hint}.")
    if url.startswith(SQLITE) and url.removeprefix(SQLITE).partition("?")[0].strip("/") in ("", ".", ":memory:"):
        raise ConfigError(f"{PREFIX}DATABASE_URL must name a file: {SQLITE}PATH.")
    if "\0" in url or "%00" in url:
        raise ConfigError(f"{PREFIX}DATABASE_URL must not contain a NUL character.")
    if url.removeprefix(SQLITE).startswith("~"):
        raise ConfigError(f"{PREFIX}DATABASE_URL must name the file by its whole path: ~ is not your home folder here.")
    return url


def check_redis_url(url: str) -> None:
    """Raise ConfigError for another scheme, or a part that the client would misread."""
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ConfigError(f"{PREFIX}REDIS_URL must begin with redis://, rediss:// or unix://.")
    if url.startswith("unix://"):
        if not url.removeprefix("unix://").partition("?")[0].strip("/"):
            raise ConfigError(f"{PREFIX}REDIS_URL must name the socket: unix:///PATH.")
        return
    try:
        parts = urlsplit(url)
        is_right = parts.port != 0 and re.fullmatch(r"/?|/\d+", parts.path) is not None and not parts.fragment
    except ValueError:
        is_right = False
    if not is_right:
        raise ConfigError(
            f"{PREFIX}REDIS_URL must be redis://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER] with a port from 1 to "
            f"{MAX_PORT}; in a password write / as %2F, # as %23, @ as %40."
        )


def public_url(url: str) -> str:
    """The URL without a final slash. Raises ConfigError unless it is http(s), a host, and at most a plain path."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), 0
    host = parts.hostname or ""
    is_address = parts.scheme in ("http", "https") and port != 0 and not parts.netloc.endswith(":")
    if not is_address or parts.username is not None or not is_host(host):
        example = f"https://{url}" if re.fullmatch(r"[\w.-]+(:\d+)?", url) else "https://updates.example.org"
        raise ConfigError(f"{PREFIX}PUBLIC_URL must be an http(s) address such as {example}.")
    path = parts.path.rstrip("/")
    if not is_plain_path(path) or parts.query or parts.fragment or "?" in url or "#" in url:
        raise ConfigError(
            f"{PREFIX}PUBLIC_URL must end after the host, or after a path of letters, digits, - . _ and ~ under which "
            f"a proxy forwards the hub, such as {parts.scheme}://{parts.netloc}/updates."
        )
    netloc = parts.netloc.lower().removesuffix(":443" if parts.scheme == "https" else ":80")
    return f"{parts.scheme}://{netloc}{path}"


def is_plain_path(path: str) -> bool:
    """Is it empty, or a path of letters, digits, - . _ and ~ without a slash at its end?"""
    return _PLAIN_PATH.fullmatch(path) is not None


def check_bind(text: str) -> None:
    """Raise ConfigError unless it is HOST:PORT, [IPv6]:PORT, unix:PATH or fd://NUMBER."""
    if text.startswith("unix:") and len(text) > len("unix:"):
        return
    if re.fullmatch(r"fd://\d+", text):
        return
    host, colon, port = text.rpartition(":")
    is_port = port.isascii() and port.isdigit() and 0 < int(port[:6]) <= MAX_PORT
    if colon and is_port and is_host(host.removeprefix("[").removesuffix("]")) and _is_bracketed(host) == (":" in host):
        return
    raise ConfigError(
        f"{PREFIX}BIND (--bind) must be HOST:PORT with a port from 1 to {MAX_PORT}; got {text!r}{_right(text)}."
    )


def _right(text: str) -> str:
    """What was meant, where that is clear."""
    if re.fullmatch(r":\d+", text):
        return f". Write 127.0.0.1{text}, or 0.0.0.0{text} to listen on every address"
    if re.fullmatch(r"\d{1,5}", text) and 0 < int(text) <= MAX_PORT:
        return f". Write 127.0.0.1:{text}"
    host, _, port = text.rpartition(":")
    if ":" in host and port.isdigit() and is_host(host):
        return f". Write [{host}]:{port}"
    if is_host(text):
        return f". Write {f'[{text}]' if ':' in text else text}:8000"
    return ""


def _is_bracketed(host: str) -> bool:
    return host.startswith("[") and host.endswith("]")


def is_host(text: str) -> bool:
    """Is it an IP address, or a name of labels (RFC 1035, 2.3.4)?"""
    try:
        ip_address(text)
    except ValueError:
        # A name; and not four numbers, one of which is too large.
        return _HOST.fullmatch(text) is not None and not re.fullmatch(r"[\d.]+", text)
    return True
