"""Runs one piece of work on the configured database: opens it, checks its schema, closes it."""

import asyncio
from collections.abc import Awaitable, Callable

import click

from app.actions.setup import OpenDatabase, open_database, ready_schema
from app.config import Settings


def on_database[T](work: Callable[[OpenDatabase], Awaitable[T]], *, any_schema: bool = False) -> T:
    """What `work` returns. As in a start of the hub, a missing schema is created in development and refused in
    production.

    Raises ConfigError and what `work` raises. With `any_schema` the schema is not checked.
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
