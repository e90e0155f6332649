"""How hypercorn serves the hub: its values, in one place, and the application as each of its processes loads it."""

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from app import create_app
from app.config import ConfigError, Settings
from app.errors import Refusal
from app.server.listening import HubConfig
from app.telemetry import logs

FILE = Path("hypercorn.toml")
_SERVER_LOG = logging.getLogger("tidewire.server")
APPLICATION = "app.server.process:hub()"

# hypercorn.toml says the same, and why; a test compares the two. This is for where there is no such file.
VALUES: dict[str, Any] = {
    "backlog": 2048,
    "keep_alive_max_requests": 1_000_000_000,
    "keep_alive_timeout": 75,
    "websocket_max_message_size": 98_304,
    "h11_max_incomplete_size": 32_768,
    "h2_max_header_list_size": 32_768,
    "graceful_timeout": 10,
    "shutdown_timeout": 15,
    "startup_timeout": 120,
    "include_server_header": False,
    "errorlog": "-",
    "loglevel": "INFO",
}


def server_config(settings: Settings) -> HubConfig:
    """From hypercorn.toml in the working directory, else VALUES; where to listen, how often, and how long a shutdown
    takes at least from the settings.

    Raises ConfigError for a file that can't be read, or asks for an event loop that is not there.
    """
    config = HubConfig()
    for name, value in _values().items():
        if not hasattr(config, name):
            raise ConfigError(f"{FILE}: hypercorn has no setting {name!r}.")
        setattr(config, name, value)
    _check_loop(config.worker_class)
    config.bind = [settings.bind]
    # One worker is this very process: a signal, and kill -9, then meet the hub itself.
    config.workers = settings.workers if settings.workers > 1 else 0
    # Before that the hub has ended or cut every connection; on uvloop hypercorn would cancel them instead.
    config.graceful_timeout = max(config.graceful_timeout, settings.shutdown_timeout)
    config.application_path = APPLICATION
    if config.errorlog == "-":
        config.errorlog = _SERVER_LOG  # In the hub's own form, JSON lines in production.
    return config


def _values() -> dict[str, Any]:
    try:
        return tomllib.loads(FILE.read_text()) if FILE.exists() else VALUES
    except (OSError, ValueError) as error:
        raise ConfigError(f"{FILE} can't be read: {error}.") from None


def _check_loop(name: str) -> None:
    """hypercorn would say so with a trace."""
    if name not in ("asyncio", "uvloop"):
        raise ConfigError(f'{FILE}: worker_class must be "asyncio" or "uvloop"; got {name!r}.')
    if name == "uvloop" and find_spec("uvloop") is None:
        raise ConfigError(f'{FILE}: worker_class is "uvloop", which is not installed: pip install tidewire[uvloop].')


def hub() -> Any:
    """The application of this process, with its log configured; what hypercorn loads."""
    parent = multiprocessing.parent_process()
    try:
        settings = Settings.load()
        logs.configure(settings.env, settings.log_level)
        app = create_app(settings)
        _configure_own_log(app.name)
    except ConfigError as error:
        sys.exit(f"Error: {error}")
    if parent is None:
        # "Running on" is what our own line for people says.
        _SERVER_LOG.setLevel(logging.WARNING if settings.env == "development" else logging.NOTSET)
        return _Hub(app, settings, None)
    # A stop of the whole group reaches the workers too, and hypercorn terminates those that are still closing once the
    # first of them is done. The parent ends them in good order without that.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return _Hub(app, settings, parent.sentinel)


def _configure_own_log(name: str) -> None:
    """What Quart, and a blueprint by `current_app.logger`, say is said in the hub's form."""
    hubs, own = logging.getLogger("tidewire"), logging.getLogger(name)
    own.handlers[:] = hubs.handlers
    own.setLevel(hubs.level)
    own.propagate = False
    own.addFilter(_is_no_refusal)


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """Quart logs why a start failed with its trace; for what a person can put right, our one line is enough."""
    return record.exc_info is None or not isinstance(record.exc_info[1], ConfigError | Refusal | OSError)


class _Hub:
    """The application, whose start is told to a person, and which ends with the process that spawned it."""

    def __init__(self, app: Any, settings: Settings, parent: int | None) -> None:
        self._app = app
        self._settings = settings
        self._parent = parent

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def tell(message: Any) -> None:
            if message["type"] == "lifespan.startup.failed":
                self._fail(message.get("message", ""))
            elif message["type"] == "lifespan.startup.complete":
                self._started()
            await send(message)

        await self._app(scope, receive, tell)

    def _fail(self, reason: str) -> None:
        click.echo(f"Error: {reason or 'The hub could not start.'}", err=True)
        if self._parent is not None:
            os._exit(1)  # multiprocessing would print hypercorn's own trace below it. Nothing is open any more.

    def _started(self) -> None:
        # What a watcher holds lives long and in no cycle, and Python's defaults look through all of it again and again:
        # 0.2 s at a stretch with 1000 watchers. More rarely, and without what was there at the start, halves the p99 of
        # the delay. Not much more rarely: requests do leave cycles, with their bodies in them.
        gc.freeze()
        gc.set_threshold(5_000, 20, 20)
        if self._parent is not None:
            # Left alone, a worker would hold the port against the next start. The log is safe from any sudden end.
            asyncio.get_running_loop().add_reader(self._parent, os._exit, 1)
        elif self._settings.env == "development":
            click.echo(welcome(self._settings), err=True)


def welcome(settings: Settings) -> str:
    """Where the hub is, and what to try first."""
    url = (settings.public_url or f"http://{settings.bind}").rstrip("/")
    for everywhere in ("//0.0.0.0", "//[::]"):
        url = url.replace(everywhere, "//127.0.0.1")
    return f'Tidewire is at {url} - try: curl -d "hello" {url}/lobby (Ctrl-C ends it)'
