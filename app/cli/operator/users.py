"""`tidewire user`: creates, lists, disables and enables users, and sets passwords."""

import sys

import click

from app.actions.passwords import MAX_PASSWORD
from app.actions.users import create_user, list_users, set_password, set_user_disabled
from app.cli.client.terminal import json_line, plain
from app.cli.operator.database import on_database
from app.model.update import rfc3339
from app.model.user import User


@click.group()
def user() -> None:
    """Create, list, disable and enable users, and set their passwords."""


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
def password(name: str) -> None:
    """Read a new password, one line, from standard input, and give it to the user NAME. Every session of the user ends;
    tokens stay valid."""
    given = _password()
    ended = on_database(lambda db: set_password(db, name, given))
    click.echo(f"Changed the password of {name}; {ended} {'session' if ended == 1 else 'sessions'} ended.")


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a list in JSON.")
def list_(as_json: bool) -> None:
    """List the users by name: the address of each, and who is an admin or disabled."""
    users = on_database(list_users)
    if as_json:
        click.echo(json_line([_as_json(each) for each in users]))
        return
    if not users:
        click.echo("There is no user; `tidewire user create` creates one.", err=True)
    for each in users:
        states = [*(["admin"] if each.is_admin else []), *(["disabled"] if each.disabled_at else [])]
        click.echo(f"{each.name:<24}  {plain(each.email)}  {', '.join(states)}".rstrip())


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


def _as_json(listed: User) -> dict[str, object]:
    at = listed.disabled_at
    return {
        "name": listed.name,
        "email": listed.email,
        "admin": listed.is_admin,
        "disabled_at": rfc3339(round(1000 * at.timestamp())) if at else None,
    }


def _password() -> str:
    given = sys.stdin.buffer.readline(4 * MAX_PASSWORD + 2)
    try:
        password = given.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.UsageError("The password on standard input must be UTF-8.") from None
    if not password:
        raise click.UsageError("The password is read from standard input, and that is empty.")
    return password
