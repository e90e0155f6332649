"""`tidewire db`: upgrades the schema, and gives the logs new epochs after a restore."""

import click

from app.actions.channels import renew_epochs
from app.actions.setup import prepare_development, remove_migrations, upgrade_schema
from app.cli.operator.database import on_database
from app.config import Settings


@click.group()
def db() -> None:
    """Upgrade the database, undo your own migrations, or give its logs new epochs after a restore."""


@db.command()
def upgrade() -> None:
    """Upgrade the schema to the newest revision.

    Your own migrations (TIDEWIRE_MIGRATIONS) follow the hub's. It is safe at any time, and in several processes at
    once. In development the first run also creates the channel `lobby`.
    """
    settings = Settings.load(make_secret=False)
    work = upgrade_schema if settings.env == "production" else prepare_development
    before, now = on_database(work, create=True)
    if before == now:
        click.echo(f"The schema is at revision {now} already.")
    else:
        click.echo(f"Upgraded the schema from {before or 'nothing'} to revision {now}.")


@db.command()
def restored() -> None:
    """Give every channel's log a new epoch, after a restore from an older backup.

    Updates that were published after the backup are lost, and their numbers will be used again. With the new epoch
    every watcher receives a reset instead of missing the new updates.
    """
    count = on_database(renew_epochs)
    click.echo(f"{count} {'log has' if count == 1 else 'logs have'} a new epoch.")


@db.command()
@click.argument("label")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(label: str, yes: bool) -> None:
    """Undo all migrations of your own package with this LABEL, its tables with their rows. Then take the package out of
    TIDEWIRE_MIGRATIONS, or the next upgrade runs them again."""
    if not yes:
        click.confirm(f"Undo all migrations of {label!r} permanently?", abort=True, err=True)
    undone = on_database(lambda db: remove_migrations(db, label))
    count = f"{len(undone)} migration{'' if len(undone) == 1 else 's'}"
    click.echo(f"Undid {count} of {label}: take its package out of TIDEWIRE_MIGRATIONS now.")
