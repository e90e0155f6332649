"""The database's URL as the drivers need it: libpq's parameters for asyncpg, the path of a file for SQLite."""

from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.addresses import MAX_PORT, is_host
from app.config import ConfigError, Settings

_SQLITE_NUMBERS = ("timeout", "cached_statements")
_ASYNCPG_NUMBERS = (
    "prepared_statement_cache_size",
    "statement_cache_size",
    "max_cached_statement_lifetime",
    "max_cacheable_statement_size",
)
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# libpq's parameters that asyncpg reads from a DSN (https://www.postgresql.org/docs/current/libpq-connect.html); the
# last three it passes on to the server.
_OF_DSN = (
    "sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl", "sslnegotiation",
    "ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs", "krbsrvname", "gsslib",
    "passfile", "service", "servicefile", "host", "port", "application_name", "options", "search_path",
)  # fmt: skip
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_SESSION_KINDS = ("any", "primary", "standby", "read-write", "read-only", "prefer-standby")
# asyncpg can't do these; where the value permits to go without, that is what happens.
_OPTIONAL = {"channel_binding": ("prefer", "disable"), "gssencmode": ("prefer", "disable")}


def parsed(settings: Settings) -> URL:
    """The whole URL. Raises ConfigError, which never repeats a part of it: that could be of a password."""
    try:
        url = make_url(settings.database_url)
        is_right = (url.port is None or 0 < url.port <= MAX_PORT) and (not url.host or is_host(url.host))
    except (ArgumentError, ValueError):
        is_right = False
    if not is_right:
        raise ConfigError(
            "TIDEWIRE_DATABASE_URL is no database's URL: it must be postgresql+asyncpg://USER:PASSWORD@HOST:PORT/NAME "
            f"with a port from 1 to {MAX_PORT}; in a password write / as %2F, : as %3A, @ as %40."
        )
    return url


def sqlite_url(settings: Settings, driver: str) -> URL:
    """The URL of `sqlite_path` for this driver. Raises ConfigError for an unknown parameter."""
    query = parsed(settings).query
    for name, value in query.items():
        if name not in _SQLITE_NUMBERS:
            raise _unknown(name, _SQLITE_NUMBERS)
        _number(name, value)
    return URL.create(driver, database=str(settings.sqlite_path), query=query)


def postgresql_url(settings: Settings) -> tuple[URL, dict[str, Any]]:
    """The URL without its parameters, and the parameters as asyncpg's arguments. Raises ConfigError for one that
    asyncpg can't do."""
    url, of_dsn, arguments = parsed(settings), {}, dict[str, Any]()
    for name, value in url.query.items():
        text = value if isinstance(value, str) else ",".join(value)
        if name in ("ssl", "sslmode"):
            if text not in _SSL_MODES:
                raise ConfigError(
                    f"TIDEWIRE_DATABASE_URL: {name} must be one of {', '.join(_SSL_MODES)}; got {text!r}."
                )
            of_dsn["sslmode"] = text
        elif name in _OF_DSN:
            _check_dsn(name, text)
            of_dsn[name] = text
        elif name == "connect_timeout":
            arguments["timeout"] = float(_number(name, text)) or None
        elif name in _ASYNCPG_NUMBERS:
            arguments[name] = _number(name, text)
        elif text not in _OPTIONAL.get(name, ()):
            raise _unknown(name, ("ssl", *_OF_DSN, "connect_timeout", *_ASYNCPG_NUMBERS, *_OPTIONAL))
    if of_dsn:
        arguments["dsn"] = f"postgresql://?{urlencode(of_dsn)}"
    return url.set(query={}), arguments


def shown(settings: Settings) -> str:
    """Which database it is, without user and password: the path of a file, or postgresql://HOST:PORT/NAME."""
    if settings.sqlite_path is not None:
        return str(settings.sqlite_path.resolve())
    url = parsed(settings)
    return f"postgresql://{url.host or ''}:{url.port or 5432}/{url.database or url.username or ''}"


def lock_path(settings: Settings) -> Path:
    """The file whose lock one hub holds: beside SQLite's file, so that it is the same however that is named, and
    whatever the data directory is; for PostgreSQL in the data directory, named for the database."""
    if settings.sqlite_path is not None:
        path = settings.sqlite_path.resolve()
        return path.with_name(f"{path.name}.lock")
    return settings.data_dir / f"hub-{sha256(shown(settings).encode()).hexdigest()[:16]}.lock"


def _check_dsn(name: str, text: str) -> None:
    """asyncpg's own words for these are of its insides."""
    if name in _FILES and not Path(text).is_file():
        raise ConfigError(f"TIDEWIRE_DATABASE_URL: {name} names the file {text}, which is not there.")
    if name == "target_session_attrs" and text not in _SESSION_KINDS:
        raise ConfigError(f"TIDEWIRE_DATABASE_URL: {name} must be one of {', '.join(_SESSION_KINDS)}; got {text!r}.")


def _number(name: str, value: object) -> int:
    if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10):
        raise ConfigError(f"TIDEWIRE_DATABASE_URL: {name} must be a whole number from 0.")
    return int(value)


def _unknown(name: str, known: tuple[str, ...]) -> ConfigError:
    if name in _OPTIONAL:
        return ConfigError(f"TIDEWIRE_DATABASE_URL: the driver asyncpg has no {name}; remove it, or set it to prefer.")
    return ConfigError(
        f"TIDEWIRE_DATABASE_URL: the parameter {name!r} can't be used; known are {', '.join(sorted(known))}."
    )
