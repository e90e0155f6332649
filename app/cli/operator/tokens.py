"""`tidewire token`: creates, lists and revokes API tokens."""

from datetime import UTC, datetime, timedelta

import click

from app.actions.tokens import TokenDraft, create_token, list_tokens, revoke_token
from app.cli.client.terminal import json_line, plain
from app.cli.operator.database import on_database
from app.model.access import Scope
from app.model.token import TokenLine
from app.model.update import rfc3339


@click.group()
def token() -> None:
    """Create, list and revoke API tokens."""


@token.command()
@click.option("--user", required=True, metavar="NAME", help="The user whose rights the token has, at most.")
@click.option("--channel", metavar="SLUG", help="Bind it to this channel, and make its user a member there.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([each.value for each in Scope]),
    help="What the token permits; may be given twice. Both when absent.",
)
@click.option("--name", help="The author of the updates that it publishes; the user's name when absent.")
@click.option(
    "--expires", type=click.IntRange(1, 36500), metavar="DAYS", help="The days that it is valid; unlimited when absent."
)
def create(user: str, channel: str | None, scopes: tuple[str, ...], name: str | None, expires: int | None) -> None:
    """Create a token and print only the token on stdout. It is shown once; the hub keeps its digest only."""
    chosen = frozenset(Scope(scope) for scope in scopes) or frozenset(Scope)
    until = datetime.now(UTC) + timedelta(days=expires) if expires else None
    draft = TokenDraft(user=user, name=name, scopes=chosen, channel=channel, expires_at=until)
    secret = on_database(lambda db: create_token(db, draft))
    click.echo(secret)
    rights = " and ".join(scope.value for scope in Scope if scope in chosen)
    where = f"in {channel} only, where {user} is now a member unless an admin" if channel else f"wherever {user} may"
    end = f"until {until:%Y-%m-%d}" if until else "until it is revoked"
    click.echo(f"The token permits {rights}, {where}, {end}. It is not shown again.", err=True)


@token.command("list")
@click.option("--user", required=True, metavar="NAME", help="The user whose tokens to list.")
@click.option("--json", "as_json", is_flag=True, help="Print a list in JSON.")
def list_(user: str, as_json: bool) -> None:
    """List a user's tokens, newest first: the prefix, name, scopes and state of each."""
    lines = on_database(lambda db: list_tokens(db, user))
    if as_json:
        click.echo(json_line([_as_json(line) for line in lines]))
        return
    if not lines:
        click.echo(f"{user} has no token.", err=True)
    now = datetime.now(UTC)
    for line in lines:
        click.echo(f"{line.prefix}…  {plain(line.name):<24}  {line.scopes:<12}  {_state(line, now)}")


@token.command()
@click.argument("prefix")
def revoke(prefix: str) -> None:
    """Revoke the token that begins with PREFIX, as `token list` shows it; its connections are closed within seconds."""
    on_database(lambda db: revoke_token(db, prefix.rstrip("…")))
    click.echo("Revoked.")


def _as_json(line: TokenLine) -> dict[str, object]:
    names = ("created_at", "expires_at", "revoked_at", "used_at")
    times = {name: getattr(line, name) for name in names}
    return {
        "prefix": line.prefix,
        "name": line.name,
        "user": line.user,
        "scopes": line.scopes.split(),
        "channel": line.channel,
        **{name: rfc3339(round(1000 * at.timestamp())) if at else None for name, at in times.items()},
    }


def _state(line: TokenLine, now: datetime) -> str:
    if line.revoked_at is not None:
        return f"revoked {line.revoked_at:%Y-%m-%d}"
    if line.expires_at is None:
        return "never expires"
    return f"{'expired' if line.expires_at <= now else 'expires'} {line.expires_at:%Y-%m-%d}"
