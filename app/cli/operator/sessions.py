"""`tidewire session`: lists and ends the sessions of a user."""

import click

from app.actions.sessions import end_sessions_of, list_sessions_of
from app.cli.client.terminal import json_line, plain
from app.cli.operator.database import on_database
from app.model.update import rfc3339


@click.group()
def session() -> None:
    """List and end the sessions of a user."""


@session.command("list")
@click.argument("user")
@click.option("--json", "as_json", is_flag=True, help="Print a list in JSON.")
def list_(user: str, as_json: bool) -> None:
    """List the sessions of USER, the one that was seen last first."""
    found = on_database(lambda db: list_sessions_of(db, user))
    if as_json:
        times = ("created_at", "seen_at")
        rows = [
            {"id": each.id, "address": each.address, "agent": each.agent}
            | {name: rfc3339(round(1000 * getattr(each, name).timestamp())) for name in times}
            for each in found
        ]
        click.echo(json_line(rows))
        return
    if not found:
        click.echo(f"{user} is not signed in.", err=True)
    for each in found:
        click.echo(f"{each.id:>8}  {each.seen_at:%Y-%m-%d %H:%M} UTC  {each.address:<24}  {plain(each.agent)[:60]}")


@session.command()
@click.argument("user")
@click.option("--id", "session_id", type=click.IntRange(1), help="That session alone; else all of them.")
def end(user: str, session_id: int | None) -> None:
    """End the sessions of USER; what is connected by them is closed within seconds."""
    ended = on_database(lambda db: end_sessions_of(db, user, session_id))
    click.echo(f"{ended} {'session' if ended == 1 else 'sessions'} of {user} ended.")
