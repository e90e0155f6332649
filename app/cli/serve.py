"""`tidewire serve`: runs the hub under hypercorn, until it is stopped."""

import asyncio
import os
import signal

import click
from hypercorn.run import run
from hypercorn.utils import LifespanFailureError, LifespanTimeoutError

from app.actions.setup import open_database, ready_schema
from app.config import Settings
from app.server.configuration import server_config
from app.server.reload import Reloader
from app.server.workers import Workers
from app.telemetry import logs


@click.command()
@click.option("--bind", metavar="HOST:PORT", help="The address to listen on; else TIDEWIRE_BIND.")
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="The number of processes; else TIDEWIRE_WORKERS. More than one needs Redis.",
)
@click.option("--reload", is_flag=True, help="In development: start again when a file of the code changes.")
def serve(bind: str | None, workers: int | None, reload: bool) -> int:
    """Serve the hub.

    hypercorn.toml in the working directory configures hypercorn; the settings name the address and the number of
    processes. SIGTERM and Ctrl-C end it gracefully: commits are finished and websockets closed with 1001 first. SIGHUP,
    a closed terminal, does nothing.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # Spawned workers inherit it: otherwise each would end at once.
    # Spawned workers read the environment.
    for name, value in (("TIDEWIRE_BIND", bind), ("TIDEWIRE_WORKERS", workers)):
        if value is not None:
            os.environ[name] = str(value)
    settings = Settings.load()
    if reload and settings.env == "production":
        raise click.UsageError("--reload is for development, and TIDEWIRE_ENV is production: leave it out.")
    if reload and settings.workers > 1:
        raise click.UsageError(f"--reload runs one worker, not {settings.workers}: leave out one of the two.")
    config = server_config(settings)
    if reload:
        logs.configure(settings.env, settings.log_level)
        return Reloader(config).run()
    if settings.workers > 1:
        logs.configure(settings.env, settings.log_level)
        asyncio.run(_prepare(settings))
    try:
        return Workers(config).run() if config.workers > 1 else run(config)
    except LifespanFailureError:
        return 1  # The application has printed the reason.
    except LifespanTimeoutError as error:
        raise click.ClickException(f"The hub took too long: {error}") from None


async def _prepare(settings: Settings) -> None:
    """Create a missing schema once, before all workers start at the same moment."""
    async with open_database(settings) as db:
        await ready_schema(settings, db)
