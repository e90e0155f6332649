"""Process-wide set-up of a hub that owns its process, under any server: `create_app()` without settings.

An embedded hub, `create_app(settings)`, skips all of this: its caller owns the process.
"""

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import click
from hypercorn.config import Config

from app.config import ConfigError, Settings
from app.environment import unknown
from app.errors import Refusal
from app.server.accepting import raise_file_limit
from app.server.connection import serve_connections
from app.telemetry import logs
from app.transport.hypercorn import server_config

SERVER_LOG = logging.getLogger("tidewire.server")


class StartRefused(SystemExit, ConfigError):
    """A ConfigError that, when it is not caught, ends the process with one sentence instead of a traceback."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.code = f"Error: {reason}"


def join_logs(config: Config) -> None:
    """Make hypercorn log in the hub's format (JSON lines in production), unless it has a log file of its own."""
    if config.errorlog == "-":
        config.errorlog = SERVER_LOG


class OwnProcess:
    """The application in a process of its own. It changes nothing global before the ASGI lifespan starts."""

    def __init__(self, asgi: Any, settings: Settings, name: str, setup_paths: Sequence[str]) -> None:
        """`name` is the name of the application and of its logger; `setup_paths` has the path of a setup link once the
        hub has started, if it has no user."""
        self._asgi = asgi
        self._setup_paths = setup_paths
        self._settings = settings
        self._name = name

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._asgi(scope, receive, send)
            return
        config, parent = server_config(send), multiprocessing.parent_process()
        self._configure_logs(config)
        if config is not None:
            serve_connections(self._settings)
        for sentence in unknown([each.name.upper() for each in fields(Settings)]):
            SERVER_LOG.warning(sentence)
        if parent is not None and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            # A signal to the whole process group reaches the workers too, and the parent ends them in order; that of
            # hypercorn's own command terminates those that are still closing once the first of them has ended.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)

        async def send_and_react(message: Any) -> None:
            if message["type"] == "lifespan.startup.failed":
                _report_failure(message.get("message", ""), is_worker=parent is not None)
            elif message["type"] == "lifespan.startup.complete":
                before, now = raise_file_limit()
                SERVER_LOG.info("This process may open %d files (ulimit -n); the limit was %d", now, before)
                _tune_collector()
                if parent is not None:
                    # A worker that outlives its parent would keep the port in use. A sudden end does not harm the log.
                    asyncio.get_running_loop().add_reader(parent.sentinel, os._exit, 1)
                elif config is not None and self._settings.env == "development":
                    click.echo(welcome(self._settings, config), err=True)
                for path in self._setup_paths:
                    self._offer_setup(path, config)
            await send(message)

        if config is not None and parent is None and self._settings.env == "development":
            SERVER_LOG.setLevel(logging.WARNING)  # The welcome shows the address.
        await self._asgi(scope, receive, send_and_react)

    def _offer_setup(self, path: str, config: Config | None) -> None:
        """On the terminal in development, else in the log: whoever reads that runs the hub."""
        url = (address(self._settings, config) if config is not None else self._settings.public_url) or ""
        sentence = f"This hub has no user yet. Create its administrator, within 24 hours: {url}{path}"
        if self._settings.env == "development" and multiprocessing.parent_process() is None:
            click.echo(sentence, err=True)
        else:
            SERVER_LOG.warning(sentence)

    def _configure_logs(self, config: Config | None) -> None:
        """Give the hub's logger, the application's (`current_app.logger` in a blueprint) and the server's the same
        handlers, unless the hub's has handlers already."""
        hub, application = logging.getLogger("tidewire"), logging.getLogger(self._name)
        application.addFilter(_is_unexpected)
        if hub.hasHandlers():
            return
        logs.configure(self._settings.env, self._settings.log_level)
        application.handlers[:] = hub.handlers
        application.setLevel(hub.level)
        application.propagate = False
        if config is not None:
            join_logs(config)


def welcome(settings: Settings, config: Config) -> str:
    """The line that shows an address of the hub that can be opened, and a first command to try."""
    bind = config.bind[0]
    if settings.public_url is None and bind.startswith("unix:"):
        path = bind.removeprefix("unix:")
        return (
            f'Tidewire is at {path} - try: curl --unix-socket {path} -d "hello" http://localhost/lobby (Ctrl-C ends it)'
        )
    url = address(settings, config)
    return f'Tidewire is at {url} - try: curl -d "hello" {url}/lobby (Ctrl-C ends it)'


def address(settings: Settings, config: Config) -> str:
    """An address of the hub that can be opened from this machine, without a slash at its end."""
    url = settings.public_url or f"{'https' if config.ssl_enabled else 'http'}://{config.bind[0]}"
    for unspecified, loopback in (("//0.0.0.0", "//127.0.0.1"), ("//[::]", "//[::1]")):
        url = url.replace(unspecified, loopback)
    return url


def _is_unexpected(record: logging.LogRecord) -> bool:
    """Quart logs a failed start with its traceback; for an error that the operator can correct, one line is enough."""
    return record.exc_info is None or not isinstance(record.exc_info[1], ConfigError | Refusal | OSError)


def _report_failure(reason: str, *, is_worker: bool) -> None:
    click.echo(f"Error: {reason or 'The hub could not start.'}", err=True)
    if is_worker:
        os._exit(1)  # multiprocessing would print hypercorn's own traceback too. Everything is closed by now.


def _tune_collector() -> None:
    # A watcher's objects live long and form no cycle, and with Python's defaults the collector scans all of them again
    # and again: 0.2 s at a stretch with 1000 watchers. Collecting less often, without the objects of the start, halves
    # the p99 of the delay (benchmark `delay`). Not much less often: requests leave cycles that hold their bodies.
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)
