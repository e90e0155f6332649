"""`tidewire watch`: shows a channel live on the terminal, or as lines of JSON, until it is interrupted."""

import asyncio
import os
import sys
from contextlib import aclosing
from datetime import datetime

import click

from app.cli.client.connection import Disconnected, Reconnected, follow
from app.cli.client.following import Follower, Stopped, WasReset
from app.cli.client.target import Target, client_options, target
from app.cli.client.terminal import json_line, plain, render

_MAX_LAST = 1000


@click.command()
@click.argument("slug")
@click.option("--after", type=click.IntRange(0, 2**62), metavar="SEQ", help="Begin after this seq; 0 shows all.")
@click.option("--last", type=click.IntRange(0, _MAX_LAST), metavar="N", help="Begin with the newest N updates.")
@click.option("--json", "as_json", is_flag=True, help="Print each update as one line of JSON.")
@client_options
def watch(slug: str, after: int | None, last: int | None, as_json: bool, url: str, token_stdin: bool) -> int:
    """Watch the channel SLUG live until Ctrl-C, beginning with the next update unless an option names another start.

    After a lost connection it reconnects and resumes: every update is shown once, in order. Messages about the
    connection go to stderr. A private channel needs a token in TIDEWIRE_TOKEN.
    """
    if after is not None and last is not None:
        raise click.UsageError("Pass --after or --last, not both.")
    hub = target(url, token_stdin)
    try:
        asyncio.run(_show(hub, Follower(slug, after=after, last=last), as_json))
    except Stopped as stopped:
        raise click.ClickException(plain(stopped)) from None
    return 0


async def _show(hub: Target, follower: Follower, as_json: bool) -> None:
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    async with aclosing(follow(hub, follower)) as events:
        async for event in events:
            match event:
                case Disconnected(reason):
                    _print_error(f"{hub.url}: {plain(reason)}; reconnecting")
                case Reconnected():
                    _print_error(f"{hub.url}: reconnected")
                case WasReset():
                    (_print_error if as_json else _print)(f"-- {plain(event)} --")
                case _:
                    _print(
                        json_line(event)
                        if as_json
                        else render(event, color=color, today=datetime.now().astimezone().date())
                    )


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()  # A reader of a pipe needs each update at once.


def _print_error(line: str) -> None:
    click.echo(line, err=True)
