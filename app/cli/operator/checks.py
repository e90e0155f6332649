"""The checks that connect or write: the data directory, the database and its schema, Redis."""

import asyncio
import os
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from app.actions.setup import open_database, schema_state
from app.broker.redis import RedisBroker
from app.cli.operator.findings import Finding, State
from app.config import ConfigError, Settings
from app.errors import Unavailable

CHECK_TIMEOUT_S = 10.0


async def reached(settings: Settings) -> list[Finding]:
    """Check the data directory, the database and Redis, each for 10 s at most."""
    return [_data_dir(settings), await _database(settings), await _redis(settings), *_secret_file(settings)]


def _data_dir(settings: Settings) -> Finding:
    path = settings.data_dir
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return Finding(State.OK, "data directory", f"{path.resolve()} can be written.")
    except OSError as error:
        return Finding(State.WRONG, "data directory", f"{path} can't be written: {error.strerror}.")


async def _database(settings: Settings) -> Finding:
    path = settings.sqlite_path
    if path is not None and not path.exists():
        return _without_schema(settings, f"{path} does not exist yet")
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S), open_database(settings) as db:
            found, needed = await schema_state(db)
    except ConfigError as error:
        return Finding(State.WRONG, "database", str(error))
    except (Unavailable, OSError, TimeoutError) as error:
        return Finding(State.WRONG, "database", f"can't be reached: {error.__cause__ or error}")
    if found is None:
        return _without_schema(settings, "reached; it has no schema yet")
    if found != needed:
        return _without_schema(settings, f"its schema is at revision {found} and this code needs {needed}")
    return Finding(State.OK, "database", f"reached; its schema is at revision {found}.")


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
        except (Unavailable, ValueError) as error:
            return Finding(State.WRONG, "Redis", f"can't be reached: {error.__cause__ or error}")
    return Finding(State.OK, "Redis", "reached.")


def _secret_file(settings: Settings) -> list[Finding]:
    path: Path = settings.data_dir / "secret_key"
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return []
    if mode & 0o077:
        return [Finding(State.UNSAFE, "secret key", f"{path} can be read by others: chmod 600 {path}.")]
    return []
