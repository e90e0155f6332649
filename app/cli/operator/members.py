"""`tidewire member`: lists, sets and removes the members of a channel."""

import click

from app.actions.members import list_members, remove_member, set_role
from app.cli.client.terminal import json_line
from app.cli.operator.database import on_database
from app.model.access import OPERATOR, Role
from app.model.member import RoleName, as_public


@click.group()
def member() -> None:
    """List, set and remove the members of a channel."""


@member.command("list")
@click.argument("channel")
@click.option("--json", "as_json", is_flag=True, help="Print a list in JSON.")
def list_(channel: str, as_json: bool) -> None:
    """List the members of CHANNEL, owners first."""
    found = [as_public(each) for each in on_database(lambda db: list_members(db, OPERATOR, channel))]
    if as_json:
        click.echo(json_line(found))
        return
    if not found:
        click.echo(f"{channel} has no member; admins manage it.", err=True)
    for each in found:
        click.echo(f"{each['name']:<24}  {each['role']}")


@member.command("set")
@click.argument("channel")
@click.argument("name")
@click.argument("role", metavar="ROLE", type=click.Choice([each.value for each in RoleName]))
def set_(channel: str, name: str, role: str) -> None:
    """Make the user NAME a member of CHANNEL with this role, whatever it was before."""
    on_database(lambda db: set_role(db, None, OPERATOR, channel, name, Role[role.upper()]))
    click.echo(f"{name} is {role} of {channel}.")


@member.command()
@click.argument("channel")
@click.argument("name")
def remove(channel: str, name: str) -> None:
    """Remove the user NAME from CHANNEL; what they watch of a private one ends within seconds."""
    on_database(lambda db: remove_member(db, None, OPERATOR, channel, name))
    click.echo(f"{name} is no member of {channel} any more.")
