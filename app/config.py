"""Every setting, once: read from the environment and `.env`, checked, frozen, and passed on."""

import math
import os
import re
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, Self, get_args
from urllib.parse import unquote, urlsplit

from app import addresses, environment
from app.environment import PREFIX, ConfigError
from app.origins import normal_host, normal_origin
from app.private_files import make_folder

__all__ = ["ENVIRONMENTS", "LOG_LEVELS", "PREFIX", "RENAMED", "ConfigError", "Settings", "described", "setting", "tree"]
ENVIRONMENTS = ("development", "production", "testing")
RENAMED = {"EARLY_WAIT": "GAP_TIMEOUT"}  # An old name is refused: ignored, it would change what the hub does.
SIGN_UP = ("invitation", "closed")
LOG_LEVELS = ("debug", "info", "warning", "error")
_MOST_BYTES = 2**40
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|[+-]?(inf|nan)", re.ASCII | re.IGNORECASE)


def setting(default: Any, doc: str, *, least: float | None = None, most: float | None = None) -> Any:
    """A field of Settings with its public sentence and, for numbers, its bounds."""
    return field(default=default, metadata={"doc": doc, "least": least, "most": most})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All configuration of a hub. Times are in seconds, sizes in bytes."""

    env: str = setting("development", "development, production or testing: decides the defaults.")
    database_url: str = setting(
        "sqlite+aiosqlite:///data/tidewire.db", "The log: sqlite+aiosqlite:///PATH or postgresql+asyncpg://…"
    )
    redis_url: str | None = setting(None, "redis://…, needed for more than one worker or node.")
    secret_key: str = setting("", "Signs cookies; required in production, made once under data_dir elsewhere.")
    secret_key_fallbacks: tuple[str, ...] = setting(
        (), "Earlier secret keys, comma separated: cookies that they signed are still valid."
    )
    data_dir: Path = setting(Path("data"), "Where development keeps its secret key, and the hub its lock file.")
    bind: str = setting("127.0.0.1:8000", "HOST:PORT that `tidewire serve` listens on.")
    workers: int = setting(
        1, "Processes that `tidewire serve` starts; more than one needs redis_url.", least=1, most=256
    )
    public_url: str | None = setting(None, "The hub's public address, where a proxy stands in front.")
    allowed_hosts: tuple[str, ...] = setting(
        (), "Hosts beside that of public_url that requests may name, comma separated; * for any."
    )
    allowed_origins: tuple[str, ...] = setting((), "Other origins whose pages may call the API, comma separated.")
    blueprints: tuple[str, ...] = setting((), "Your own blueprints, as module:name, comma separated.")
    migrations: tuple[str, ...] = setting((), "Packages of your own migrations, by import path, comma separated.")
    mount: tuple[str, ...] = setting((), "WSGI applications beside the hub, as /path=module:name, comma separated.")
    sign_up: str = setting("invitation", "invitation or closed: whether an invitation to a channel creates users.")
    rate_limits: bool = setting(True, "on, or off for load tests only.")
    log_level: str = setting("info", "debug, info, warning or error.")
    access_log: bool = setting(False, "on, or off: one log line for each request.")
    trusted_proxies: int = setting(0, "How many proxies in front of the hub set X-Forwarded-For.", least=0, most=10)

    publish_rate: float = setting(200.0, "Calls a second a token or user may make, sustained.", least=0.1)
    publish_burst: int = setting(2000, "Calls a token or user may make at once.", least=1)
    anonymous_rate: float = setting(30.0, "Calls a second an anonymous address may make, sustained.", least=0.1)
    anonymous_burst: int = setting(600, "Calls an anonymous address may make at once.", least=1)

    poll_interval: float = setting(
        1.0,
        "How long a lost hint or revocation may go unnoticed; on a very large hub up to twice that.",
        least=0.05,
        most=60,
    )
    gap_timeout: float = setting(
        0.05, "How long a hint that arrived out of order waits for those before it.", least=0.0, most=5
    )
    heartbeat: float = setting(15.0, "Silence on an HTTP stream before a keep-alive.", least=0.1, most=300)
    ping_interval: float = setting(20.0, "Between two pings to a websocket.", least=0.1, most=3600)
    send_timeout: float = setting(30.0, "A socket that accepts no data for so long is closed.", least=0.1, most=600)
    commit_timeout: float = setting(10.0, "Longest wait for the commit of a publish.", least=0.1, most=120)
    query_timeout: float = setting(10.0, "Longest wait for any other query.", least=0.1, most=120)
    shutdown_timeout: float = setting(10.0, "Longest time a shutdown may take.", least=0.5, most=300)
    retention_interval: float = setting(60.0, "Between two rounds of retention.", least=0.1, most=86400)
    presence_lease: float = setting(
        9.0, "How long a killed process's watchers still count as present.", least=0.5, most=60
    )

    ring_updates: int = setting(1024, "Newest updates of a watched channel kept in memory.", least=1, most=1_000_000)
    ring_bytes: int = setting(4 * 2**20, "Bound of their bytes.", least=65536, most=_MOST_BYTES)
    batch_bytes: int = setting(
        64 * 1024, "Most bytes of updates written to a socket at once.", least=1024, most=_MOST_BYTES
    )
    page_updates: int = setting(500, "Updates read from the log at once.", least=1, most=10_000)
    page_bytes: int = setting(
        128 * 1024, "Size of the updates read from the log at once, in characters.", least=1024, most=_MOST_BYTES
    )
    answer_bytes: int = setting(
        2**20, "Size at which a page of the history or of the board ends.", least=65536, most=_MOST_BYTES
    )
    group_updates: int = setting(1000, "Updates committed at once.", least=1, most=10_000)
    pending_publishes: int = setting(10_000, "Publishes that may wait for a commit.", least=1)
    pending_bytes: int = setting(64 * 2**20, "Bound of their bytes.", least=2**20, most=_MOST_BYTES)
    pool_size: int = setting(10, "Database connections a process may hold.", least=2, most=200)
    max_subscriptions: int = setting(200, "Channels that one websocket may watch.", least=1, most=100_000)
    max_request_bytes: int = setting(8 * 2**20, "Largest body of an HTTP request.", least=65536, most=_MOST_BYTES)
    pending_request_bytes: int = setting(
        32 * 2**20,
        "Bodies over 64 KiB of requests in progress; of one address, half of it.",
        least=2**20,
        most=_MOST_BYTES,
    )
    max_connections: int = setting(50_000, "Websockets and streams a process may hold.", least=1)
    address_connections: int = setting(
        1000, "Connections that one address may hold; of an IPv6 address, its /64.", least=1
    )

    def __post_init__(self) -> None:
        if self.env not in ENVIRONMENTS:
            raise ConfigError(f"{PREFIX}ENV must be one of {', '.join(ENVIRONMENTS)}; got {self.env!r}.")
        for each in fields(self):
            _check_bounds(each, getattr(self, each.name))
        if str(self.data_dir).startswith("~"):
            raise ConfigError(f"{PREFIX}DATA_DIR must be the whole path: ~ is not your home folder here.")
        self._normalise("allowed_origins", normal_origin)
        self._normalise("allowed_hosts", normal_host)
        object.__setattr__(self, "database_url", addresses.database_url(self.database_url))
        object.__setattr__(self, "public_url", addresses.public_url(self.public_url) if self.public_url else None)
        addresses.check_bind(self.bind)
        if self.sign_up not in SIGN_UP:
            raise ConfigError(f"{PREFIX}SIGN_UP must be one of {', '.join(SIGN_UP)}; got {self.sign_up!r}.")
        if self.log_level.lower() not in LOG_LEVELS:
            raise ConfigError(f"{PREFIX}LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}; got {self.log_level!r}.")
        if self.redis_url is not None:
            addresses.check_redis_url(self.redis_url)
        if self.workers > 1 and self.redis_url is None:
            raise ConfigError(
                f"{PREFIX}WORKERS is {self.workers} and {PREFIX}REDIS_URL is not set: without Redis one worker is "
                "not notified at once of what another commits. Set the URL, or run one worker."
            )
        if self.env == "production" and len(self.secret_key) < 32:
            raise ConfigError(
                f"{PREFIX}SECRET_KEY must be at least 32 characters in production; make one with "
                "python -c 'import secrets; print(secrets.token_urlsafe(32))'."
            )

    @property
    def prefix(self) -> str:
        """The path of `public_url`, under which a proxy forwards the hub; empty at the root of its host."""
        return urlsplit(self.public_url).path if self.public_url is not None else ""

    @property
    def is_https(self) -> bool:
        """Is the hub's public address one of https?"""
        return self.public_url is not None and self.public_url.startswith("https:")

    def _normalise(self, name: str, normal: Callable[[str], str]) -> None:
        try:
            object.__setattr__(self, name, tuple(map(normal, getattr(self, name))))
        except ValueError as error:
            raise ConfigError(f"{PREFIX}{name.upper()} {error}.") from None

    @classmethod
    def load(cls, *, make_secret: bool = True, **overrides: Any) -> Self:
        """From `overrides`, else the environment, else `.env` in the working directory, else the defaults.

        Raises ConfigError. In development and testing a missing secret key is made once and kept under `data_dir`;
        without `make_secret` it stays empty, and nothing is created.
        """
        given = environment.variables()
        for old, new in RENAMED.items():
            if given.get(PREFIX + old):
                raise ConfigError(f"{PREFIX}{old} is now called {PREFIX}{new}: rename it.")
        values: dict[str, Any] = {}
        for each in fields(cls):
            text = given.get(PREFIX + each.name.upper())
            if each.name not in overrides and text is not None:
                values[each.name] = _parse(each, text)
        values.update(overrides)
        if not values.get("secret_key") and values.get("env", "development") != "production":
            values["secret_key"] = _kept_secret(Path(values.get("data_dir", "data")), make=make_secret)
        return cls(**values)

    @property
    def sqlite_path(self) -> Path | None:
        """The database's file, or None on PostgreSQL."""
        _, found, path = self.database_url.partition(addresses.SQLITE)
        return Path(unquote(path.partition("?")[0])) if found else None


def _parse(each: Field[Any], text: str) -> Any:
    kind = next((k for k in get_args(each.type) if k is not type(None)), each.type)
    kind = each.type if not isinstance(each.type, UnionType) else kind
    name = PREFIX + each.name.upper()
    try:
        if kind is bool:
            return {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}[text.lower()]
        if kind in (int, float):
            if not _NUMBER.fullmatch(text.strip()):  # Python also reads 1_000, and the digits of every script.
                raise ValueError(text)
            return kind(text)
        if kind is Path:
            return Path(text)
    except (KeyError, ValueError):
        rule = "on or off" if kind is bool else "a whole number" if kind is int else "a number"
        raise ConfigError(f"{name} must be {rule}; got {text!r}.") from None
    if kind == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _check_bounds(each: Field[Any], value: Any) -> None:
    least, most = each.metadata.get("least"), each.metadata.get("most")
    if least is None and most is None:
        return
    # Neither infinity nor NaN is a bound: the first makes NaN of a sum, the second passes every comparison.
    if not math.isfinite(value) or (least is not None and value < least) or (most is not None and value > most):
        span = f"at least {least}" if most is None else f"between {least} and {most}"
        raise ConfigError(f"{PREFIX}{each.name.upper()} must be {span}; got {value}.")


def _kept_secret(data_dir: Path, *, make: bool) -> str:
    """The key in `data_dir`; a missing one is made, or is the empty text. Raises ConfigError."""
    try:
        return _read_secret(data_dir / "secret_key", make=make)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{PREFIX}DATA_DIR: {data_dir}/secret_key can't be read or created: {reason}.") from None


def _read_secret(path: Path, *, make: bool) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        if not make:
            return ""
        make_folder(path.parent)
    # Readable by its owner alone, and there whole or not at all: of two processes that start at once, one is first.
    handle, made = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(32))
        with suppress(FileExistsError):
            os.link(made, path)
    finally:
        os.unlink(made)
    return path.read_text().strip()


def described() -> list[tuple[str, str, str]]:
    """Every setting as (variable, default, sentence), for the documentation and its test."""
    return [
        (
            PREFIX + each.name.upper(),
            "" if each.default in (MISSING, None, ()) else str(each.default),
            each.metadata["doc"],
        )
        for each in fields(Settings)
    ]


def tree(name: str) -> Path:
    """The folder `name` (frontend or migrations): inside the installed package, or beside it in a checkout."""
    inside = Path(__file__).parent / name
    return inside if inside.is_dir() else Path(__file__).parent.parent / name
