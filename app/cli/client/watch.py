"""`tidewire watch`: a channel, live on the terminal or as lines of JSON, for as long as one likes."""

import asyncio
import contextlib
import os
import sys
from contextlib import aclosing
from datetime import datetime

import click

from app.cli.client.connection import Broken, Mended, follow
from app.cli.client.following import Follower, Stopped, WasReset
from app.cli.client.target import Target, client_options, target
from app.cli.client.terminal import json_line, plain, render

_MOST_LAST = 1000


@click.command()
@click.argument("slug")
@click.option("--after", type=click.IntRange(0, 2**62), metavar="SEQ", help="Begin with what came after SEQ; 0 is all.")
@click.option("--last", type=click.IntRange(0, _MOST_LAST), metavar="N", help="Begin with the newest N.")
@click.option("--json", "as_json", is_flag=True, help="Print each update as one line of JSON.")
@client_options
def watch(slug: str, after: int | None, last: int | None, as_json: bool, url: str, token_stdin: bool) -> int:
    """Watch the channel SLUG live, from now on unless told otherwise; Ctrl-C ends it.

    A lost connection is made again and goes on where it broke: every update is shown once, in order. What is to be
    said about that goes to stderr. A private channel needs a token in TIDEWIRE_TOKEN.
    """
    if after is not None and last is not None:
        raise click.UsageError("Give --after or --last, not both.")
    hub = target(url, token_stdin)
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.stderr.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        asyncio.run(_show(hub, Follower(slug, after=after, last=last), as_json))
    except Stopped as stopped:
        raise click.ClickException(plain(stopped)) from None
    except BrokenPipeError:
        _leave_pipe()
    return 0


async def _show(hub: Target, follower: Follower, as_json: bool) -> None:
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    async with aclosing(follow(hub, follower)) as events:
        async for event in events:
            match event:
                case Broken(reason):
                    _say(f"{hub.url}: {plain(reason)}; trying again")
                case Mended():
                    _say(f"{hub.url}: connected again")
                case WasReset():
                    (_say if as_json else _print)(f"-- {plain(event)} --")
                case _:
                    _print(
                        json_line(event)
                        if as_json
                        else render(event, color=color, today=datetime.now().astimezone().date())
                    )


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()  # Whoever reads a pipe wants it now.


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(sentence + "\n")
        sys.stderr.flush()


def _leave_pipe() -> None:
    """Whoever read has enough (`| head`): that is no error. The interpreter would flush into the pipe once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
