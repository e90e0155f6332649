"""Commands that work on the configured database: opened for one piece of work, its schema made sure of, closed."""

import asyncio
from collections.abc import Awaitable, Callable

import click

from app.actions.setup import check_schema, prepare_development
from app.config import ConfigError, Settings
from app.store.engine.database import Database


def on_database[T](work: Callable[[Database], Awaitable[T]], *, any_schema: bool = False) -> T:
    """What `work` returns. A missing schema is made in development and refused in production, as the hub itself does.

    Raises ConfigError and what `work` raises; `any_schema` leaves the schema alone.
    """
    settings = Settings.load()

    async def run() -> T:
        try:
            db = Database(settings)
        except ValueError as error:
            raise ConfigError(f"TIDEWIRE_DATABASE_URL can't be used: {error}.") from None
        try:
            if not any_schema:
                await ready_schema(settings, db)
            return await work(db)
        finally:
            await db.close()

    try:
        return asyncio.run(run())
    except OSError as error:
        raise click.ClickException(f"The database can't be opened: {error}.") from None


async def ready_schema(settings: Settings, db: Database) -> None:
    """The schema this code needs stands. Raises ConfigError in production when it does not, and Unavailable."""
    await (check_schema if settings.env == "production" else prepare_development)(db)
