"""Runs one piece of work on the configured database: opens it, checks its schema, closes it."""

import asyncio
from collections.abc import Awaitable, Callable

import click

from app.actions.setup import OpenDatabase, database_name, open_database, ready_schema, schema_state
from app.cli.client.terminal import plain
from app.config import Settings


def on_database[T](work: Callable[[OpenDatabase], Awaitable[T]], *, create: bool = False) -> T:
    """What `work` returns; then the database's name is shown on stderr.

    An old schema is upgraded in development and refused in production. A missing database or schema is refused: in the
    wrong folder a command would create another one. With `create` it is created, and no schema is checked.
    Raises ClickException, ConfigError, Unavailable, and what `work` raises.
    """
    settings = Settings.load(make_secret=False)
    name = database_name(settings)
    if not create and settings.sqlite_path is not None and not settings.sqlite_path.exists():
        raise _missing(f"There is no database {name}")

    async def run() -> T:
        async with open_database(settings) as db:
            if not create:
                if (await schema_state(db))[0] is None:
                    raise _missing(f"The database {name} has no schema")
                await ready_schema(settings, db)
            return await work(db)

    result = asyncio.run(run())
    click.echo(f"Database: {plain(name)}", err=True)
    return result


def _missing(what: str) -> click.ClickException:
    where = "run this in the hub's folder, or set TIDEWIRE_DATABASE_URL"
    return click.ClickException(plain(f"{what}: {where}. To create it, run `tidewire db upgrade`."))
