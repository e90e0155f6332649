"""The checks of this machine and its services: the data directory, the database and its schema, Redis, open files."""

import asyncio
import os
import tempfile
from contextlib import AsyncExitStack
from dataclasses import fields, replace
from pathlib import Path

from app.actions.setup import check_database_settings, database_name, open_database, schema_state
from app.broker.redis import RedisBroker
from app.cli.operator.findings import Finding, State
from app.config import ConfigError, Settings
from app.environment import unknown
from app.errors import Unavailable
from app.factory import create_app
from app.private_files import is_private

CHECK_TIMEOUT_S = 10.0
_QUERY_TIMEOUT_S = 3.0
OTHER_FILES = 50  # Sockets to listen on, Redis, logs, modules that are being imported.


async def reached(settings: Settings) -> list[Finding]:
    """Check the data directory, the database (by a write) and Redis, each for 10 s at most."""
    return [
        *_unknown(),
        *_application(settings),
        _data_dir(settings),
        await _database(settings),
        *_files(settings),
        await _redis(settings),
        *_secret_file(settings),
        *_open_files(settings),
    ]


def _application(settings: Settings) -> list[Finding]:
    """What of your own code prevents a start: blueprints, mounted applications."""
    try:
        create_app(settings)
    except ConfigError as error:
        return [Finding(State.WRONG, "application", str(error))]
    except Exception as error:  # Of a module that is imported.
        return [Finding(State.WRONG, "application", f"can't be imported: {type(error).__name__}: {error}.")]
    return []


def _can_be_created(path: Path) -> bool:
    above = next(each for each in path.absolute().parents if each.exists())
    return above.is_dir() and os.access(above, os.W_OK | os.X_OK)


def _data_dir(settings: Settings) -> Finding:
    path = settings.data_dir
    if not path.exists():
        above = next(each for each in path.absolute().parents if each.exists())
        if _can_be_created(path):
            return Finding(State.OK, "data directory", f"{path} does not exist yet; the next start creates it.")
        return Finding(State.WRONG, "data directory", f"{path} can't be created: {above} can't be written.")
    try:
        with tempfile.TemporaryFile(dir=path):
            return Finding(State.OK, "data directory", f"{path.resolve()} can be written.")
    except OSError as error:
        return Finding(State.WRONG, "data directory", f"{path} can't be written: {error.strerror}.")


async def _database(settings: Settings) -> Finding:
    # Short, so that what a lock holds up ends too.
    settings = replace(settings, query_timeout=min(settings.query_timeout, _QUERY_TIMEOUT_S))
    try:
        check_database_settings(settings)
        path = settings.sqlite_path
        if path is not None and not path.exists():
            if not _can_be_created(path):
                return Finding(State.WRONG, "database", f"{path} can't be created: check its folder.")
            return _without_schema(settings, f"{path} does not exist yet")
        async with asyncio.timeout(CHECK_TIMEOUT_S), open_database(settings) as db:
            found, needed = await schema_state(db)
            if found == needed:
                await db.check_write()
    except ConfigError as error:
        return Finding(State.WRONG, "database", str(error))
    except Unavailable as error:
        return Finding(State.WRONG, "database", _explained(error, "The database "))
    except TimeoutError:
        return Finding(State.WRONG, "database", f"can't be reached: no answer within {CHECK_TIMEOUT_S:g} s.")
    name = database_name(settings)
    if found is None:
        return _without_schema(settings, f"{name} has no schema yet")
    if found != needed:
        return _without_schema(settings, f"{name} has the schema {found} and this code needs {needed}")
    return Finding(State.OK, "database", f"reached, and written: {name} has the schema {found}.")


def _without_schema(settings: Settings, how: str) -> Finding:
    if settings.env == "production":
        return Finding(State.WRONG, "database", f"{how}: run `tidewire db upgrade`.")
    return Finding(State.OK, "database", f"{how}; the next start creates it.")


async def _redis(settings: Settings) -> Finding:
    if settings.redis_url is None:
        return Finding(State.OK, "Redis", "not configured: one worker, on one machine.")
    async with AsyncExitStack() as stack:
        try:
            broker = RedisBroker(settings)
            stack.push_async_exit(broker)  # It is closed but never started: a ping is enough.
            await broker.ping()
        except ConfigError as error:
            return Finding(State.WRONG, "Redis", str(error))
        except Unavailable as error:
            return Finding(State.WRONG, "Redis", _explained(error, "Redis "))
    return Finding(State.OK, "Redis", "reached.")


def _explained(error: Unavailable, subject: str) -> str:
    """The cause with its detail; without the subject, which the finding has already."""
    return (error.message if error.cause is None else error.cause.sentence).removeprefix(subject)


def _files(settings: Settings) -> list[Finding]:
    """The database's file, if others may read it: it holds every update."""
    path = settings.sqlite_path
    try:
        if path is None or is_private(path):
            return []
    except OSError:
        return []
    return [Finding(State.UNSAFE, "database", f"{path} can be read by others: chmod 600 {path}.")]


def _open_files(settings: Settings) -> list[Finding]:
    """The bound of open files, against the connections that the hub would accept: each needs one."""
    import resource  # Absent on Windows, where nothing else runs either.

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= settings.max_connections + settings.pool_size + OTHER_FILES:
        return []
    return [
        Finding(
            State.UNSAFE,
            "open files",
            f"`ulimit -Hn` is {hard}, fewer than the {settings.max_connections} connections of "
            "TIDEWIRE_MAX_CONNECTIONS: raise the one, or lower the other. It is this shell's; a service has its own "
            "(LimitNOFILE in systemd).",
        )
    ]


def _unknown() -> list[Finding]:
    names = [each.name.upper() for each in fields(Settings)]
    return [Finding(State.UNSAFE, "settings", sentence) for sentence in unknown(names)]


def _secret_file(settings: Settings) -> list[Finding]:
    path: Path = settings.data_dir / "secret_key"
    try:
        if is_private(path):
            return []
    except OSError:
        return []
    return [Finding(State.UNSAFE, "secret key", f"{path} can be read by others: chmod 600 {path}.")]
