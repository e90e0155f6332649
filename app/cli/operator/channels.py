"""`tidewire channel`: creates, lists and empties channels."""

import click

from app.actions.channels import empty_channel, list_all_channels, provide_channel
from app.cli.client.terminal import json_line
from app.cli.operator.database import on_database
from app.model.channel import (
    MAX_RETENTION_DAYS,
    MAX_RETENTION_UPDATES,
    ChannelDraft,
    Publishing,
    Visibility,
    as_public,
    check_slug,
)
from app.model.parsing import shaped
from app.model.rules import sentences_of

_SENTENCES = sentences_of(ChannelDraft)


@click.group()
def channel() -> None:
    """Create, list and empty channels."""


@channel.command()
@click.argument("slug")
@click.option("--title", help=_SENTENCES["title"])
@click.option("--description", help=_SENTENCES["description"])
@click.option(
    "--visibility",
    type=click.Choice([each.value for each in Visibility]),
    default=Visibility.PRIVATE.value,
    show_default=True,
    help="Who may read: everyone, everyone who knows the name, or members.",
)
@click.option(
    "--publishing",
    type=click.Choice([each.value for each in Publishing]),
    default=Publishing.PUBLISHERS.value,
    show_default=True,
    help="Who may publish, of those who may read.",
)
@click.option("--retention-days", type=click.IntRange(1, MAX_RETENTION_DAYS), help="Remove updates older than this.")
@click.option(
    "--retention-updates", type=click.IntRange(1, MAX_RETENTION_UPDATES), help="Keep only the newest so many."
)
def create(slug: str, **fields: object) -> None:
    """Create the channel SLUG. It has no owner; admins manage it."""
    check_slug(slug)
    given = {name: value for name, value in fields.items() if value is not None}
    draft = shaped({"slug": slug, **given}, ChannelDraft, spelled=lambda name: f"--{name.replace('_', '-')}")
    created = on_database(lambda db: provide_channel(db, draft))
    click.echo(f"Created {created.slug}: {created.visibility.value}; {created.publishing.value} may publish.")


@channel.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a list in JSON.")
def list_(as_json: bool) -> None:
    """List every channel by its slug: who may read and publish, and the updates that are kept."""
    channels = on_database(list_all_channels)
    if as_json:
        click.echo(json_line([as_public(each) for each in channels]))
        return
    if not channels:
        click.echo("There is no channel; `tidewire channel create` creates one.", err=True)
    for each in channels:
        kept = each.last_seq - each.first_seq + 1
        rights = f"{each.visibility.value}; {each.publishing.value} may publish"
        click.echo(f"{each.slug:<24}  {rights:<36}  {kept:,} of {each.last_seq:,} updates")


@channel.command()
@click.argument("slug")
@click.option("--yes", is_flag=True, help="Do not ask.")
def empty(slug: str, yes: bool) -> None:
    """Remove every update of the channel SLUG, permanently. Its watchers receive a reset."""
    if not yes:
        click.confirm(f"Remove every update of {slug!r} permanently?", abort=True, err=True)
    emptied = on_database(lambda db: empty_channel(db, slug))
    click.echo(f"{emptied.slug} is empty; its log counts from 1 in a new epoch.")
