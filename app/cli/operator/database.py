"""Commands that work on the configured database: opened for one piece of work, its schema made sure of, closed."""

import asyncio
from collections.abc import Awaitable, Callable

import click

from app.actions.setup import OpenDatabase, open_database, ready_schema
from app.config import Settings


def on_database[T](work: Callable[[OpenDatabase], Awaitable[T]], *, any_schema: bool = False) -> T:
    """What `work` returns. A missing schema is made in development and refused in production, as the hub itself does.

    Raises ConfigError and what `work` raises; `any_schema` leaves the schema alone.
    """
    settings = Settings.load()

    async def run() -> T:
        async with open_database(settings) as db:
            if not any_schema:
                await ready_schema(settings, db)
            return await work(db)

    try:
        return asyncio.run(run())
    except OSError as error:
        raise click.ClickException(f"The database can't be opened: {error}.") from None
