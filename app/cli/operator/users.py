"""`tidewire user`: creates, disables and enables users."""

import sys

import click

from app.actions.users import MAX_PASSWORD, create_user, set_user_disabled
from app.cli.operator.database import on_database


@click.group()
def user() -> None:
    """Create, disable and enable users."""


@user.command()
@click.argument("name")
@click.option("--email", required=True, help="The user's address.")
@click.option("--admin", is_flag=True, help="The user may do everything with every channel.")
@click.option("--password-stdin", is_flag=True, help="Read a password, one line, from standard input.")
def create(name: str, email: str, admin: bool, password_stdin: bool) -> None:
    """Create the user NAME. Without a password only tokens authenticate the user."""
    password = _password() if password_stdin else None
    created = on_database(lambda db: create_user(db, name, email, password, admin))
    click.echo(f"Created the {'admin' if created.is_admin else 'user'} {created.name}.")


@user.command()
@click.argument("name")
def disable(name: str) -> None:
    """Disable the user NAME: the user's tokens are no longer valid, and their connections are closed within seconds."""
    on_database(lambda db: set_user_disabled(db, name, True))
    click.echo(f"Disabled {name}.")


@user.command()
@click.argument("name")
def enable(name: str) -> None:
    """Enable the user NAME again, and with them their tokens."""
    on_database(lambda db: set_user_disabled(db, name, False))
    click.echo(f"Enabled {name}.")


def _password() -> str:
    given = sys.stdin.buffer.readline(4 * MAX_PASSWORD + 2)
    try:
        password = given.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.UsageError("The password on standard input must be UTF-8.") from None
    if not password:
        raise click.UsageError("--password-stdin was given, and standard input is empty.")
    return password
