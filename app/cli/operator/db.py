"""`tidewire db`: the schema's version, and what a restored backup needs."""

import click

from app.actions.channels import renew_epochs
from app.actions.setup import OpenDatabase, prepare_development, upgrade_schema
from app.cli.operator.database import on_database
from app.config import Settings


@click.group()
def db() -> None:
    """Upgrade the database, or give its logs new epochs after a restore."""


@db.command()
def upgrade() -> None:
    """Bring the schema to the newest revision.

    Safe to run at any time, and by several at once. In development a first run makes the channel `lobby` too.
    """
    settings = Settings.load()

    async def work(database: OpenDatabase) -> tuple[str | None, str]:
        before, now = await upgrade_schema(database)
        if before is None and settings.env != "production":
            await prepare_development(database)
        return before, now

    before, now = on_database(work, any_schema=True)
    if before == now:
        click.echo(f"The schema is at revision {now} already.")
    else:
        click.echo(f"The schema went from {before or 'nothing'} to revision {now}.")


@db.command()
def restored() -> None:
    """Give every channel's log a new epoch, after a restore from an older backup.

    Updates that were published after the backup are gone and their numbers will be given again: with the new epoch
    every watcher receives a reset, instead of missing the new ones.
    """
    count = on_database(renew_epochs)
    click.echo(f"{count} {'log has' if count == 1 else 'logs have'} a new epoch.")
