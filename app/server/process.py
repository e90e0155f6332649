"""What the hub does for a process that is its own, whichever server started it: `create_app()` without settings.

An embedded hub, `create_app(settings)`, does nothing of this: its caller owns the process.
"""

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
from typing import Any

import click
from hypercorn.config import Config

from app.config import ConfigError, Settings
from app.errors import Refusal
from app.telemetry import logs
from app.transport.hypercorn import server_config

SERVER_LOG = logging.getLogger("tidewire.server")


class StartRefused(SystemExit, ConfigError):
    """A ConfigError that, caught by nobody, ends the process with its one sentence instead of a trace."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.code = f"Error: {reason}"


def join_logs(config: Config) -> None:
    """Let hypercorn log in the hub's form, JSON lines in production, where it would write to stderr by itself."""
    if config.errorlog == "-":
        config.errorlog = SERVER_LOG


class OwnProcess:
    """The application in a process of its own. Nothing global is touched before the start of ASGI's lifespan."""

    def __init__(self, asgi: Any, settings: Settings, name: str) -> None:
        """`name` is that of the application, and of its logger."""
        self._asgi = asgi
        self._settings = settings
        self._name = name

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._asgi(scope, receive, send)
            return
        config, parent = server_config(send), multiprocessing.parent_process()
        self._configure_logs(config)
        if parent is not None and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            # A stop of the whole group reaches the workers too, and hypercorn terminates those that are still closing
            # once the first of them is done. The parent ends them in good order without that.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)

        async def notice(message: Any) -> None:
            if message["type"] == "lifespan.startup.failed":
                _report_failure(message.get("message", ""), is_worker=parent is not None)
            elif message["type"] == "lifespan.startup.complete":
                _tune_collector()
                if parent is not None:
                    # Left alone, a worker would hold the port against the next start. The log is safe from any sudden
                    # end.
                    asyncio.get_running_loop().add_reader(parent.sentinel, os._exit, 1)
                elif config is not None and self._settings.env == "development":
                    click.echo(welcome(self._settings, config), err=True)
            await send(message)

        if config is not None and parent is None and self._settings.env == "development":
            SERVER_LOG.setLevel(logging.WARNING)  # The welcome says where the hub is.
        await self._asgi(scope, receive, notice)

    def _configure_logs(self, config: Config | None) -> None:
        """Send the hub's log, the application's (`current_app.logger` in a blueprint) and the server's one way, unless
        the hub's has a way already."""
        hubs, own = logging.getLogger("tidewire"), logging.getLogger(self._name)
        own.addFilter(_is_no_refusal)
        if hubs.hasHandlers():
            return
        logs.configure(self._settings.env, self._settings.log_level)
        own.handlers[:] = hubs.handlers
        own.setLevel(hubs.level)
        own.propagate = False
        if config is not None:
            join_logs(config)


def welcome(settings: Settings, config: Config) -> str:
    """Where the hub is, and what to try first."""
    scheme = "https" if config.ssl_enabled else "http"
    url = (settings.public_url or f"{scheme}://{config.bind[0]}").rstrip("/")
    for everywhere in ("//0.0.0.0", "//[::]"):
        url = url.replace(everywhere, "//127.0.0.1")
    return f'Tidewire is at {url} - try: curl -d "hello" {url}/lobby (Ctrl-C ends it)'


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """Quart logs why a start failed with its trace; for what a person can put right, our one line is enough."""
    return record.exc_info is None or not isinstance(record.exc_info[1], ConfigError | Refusal | OSError)


def _report_failure(reason: str, *, is_worker: bool) -> None:
    click.echo(f"Error: {reason or 'The hub could not start.'}", err=True)
    if is_worker:
        os._exit(1)  # multiprocessing would print hypercorn's own trace below it. Nothing is open any more.


def _tune_collector() -> None:
    # What a watcher holds lives long and in no cycle, and Python's defaults look through all of it again and again:
    # 0.2 s at a stretch with 1000 watchers. More rarely, and without what was there at the start, halves the p99 of
    # the delay (benchmark `delay`). Not much more rarely: requests leave cycles, with their bodies in them.
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)
