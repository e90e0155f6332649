"""`tidewire publish`: publishes one update from a shell; retries never store it twice."""

import codecs
import json
import sys
from contextlib import suppress
from typing import Any, get_args

import click

from app.cli.client.posting import Posting, post
from app.cli.client.target import client_options, target
from app.cli.client.terminal import json_line
from app.model.draft import CONTENT
from app.model.text_values import level_of, number_of, progress_of
from app.model.update import MAX_BODY_BYTES, Level


class _Level(click.Choice[str]):
    """The name of a level, as the text publish reads it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return super().convert(level_of(value), param, ctx)


def _number(_: click.Context, __: click.Parameter, text: str | None) -> int | float | None:
    """A finite number, an int if it is written as one. Raises BadParameter."""
    try:
        return None if text is None else number_of(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a finite number such as -3 or 42.1.") from None


def _progress(_: click.Context, __: click.Parameter, text: str | None) -> int | float | None:
    """A share from 0 to 1. Raises BadParameter."""
    if text is None:
        return None
    with suppress(ValueError):
        if 0 <= (share := progress_of(text)) <= 1:
            return share
    raise click.BadParameter(f"{text!r} is not a number from 0 to 1, or a percentage such as 70%.")


def _json(_: click.Context, __: click.Parameter, text: str | None) -> tuple[Any] | None:
    """Any JSON value, in a tuple of one to distinguish null from absent. Raises BadParameter."""
    try:
        return None if text is None else (json.loads(text, parse_constant=_refuse_constant),)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"is not JSON: {error}.") from None


@click.command()
@click.argument("slug")
@click.argument("text", required=False)
@click.option("--title", help="Up to 200 characters.")
@click.option("--level", type=_Level(get_args(Level)), help="The level, in any case, warn too; info when absent.")
@click.option("--key", help="What the update is about; the board shows the newest update of each key.")
@click.option("--value", callback=_number, metavar="NUMBER", help="A finite number, such as -3 or 42.1.")
@click.option("--unit", help="The unit of the value.")
@click.option("--progress", callback=_progress, metavar="X", help="From 0 to 1, or a percentage such as 70%.")
@click.option("--status", help="Such as up, down or running.")
@click.option("--tag", "tags", multiple=True, help="May be given up to 10 times.")
@click.option("--link", help="An http(s) URL.")
@click.option("--markdown", is_flag=True, help="TEXT is Markdown.")
@click.option("--data", callback=_json, metavar="JSON", help="Any JSON value.")
@click.option("--gone", is_flag=True, help="Take the key off the board.")
@click.option("--idempotency-key", help="A second publish under the same key stores nothing. Random when absent.")
@click.option("--json", "as_json", is_flag=True, help="Print the update as stored.")
@click.option(
    "--retry",
    type=click.FloatRange(0, 86400),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to try again while the hub can't be reached or is busy.",
)
@client_options
def publish(
    slug: str,
    text: str | None,
    idempotency_key: str | None,
    as_json: bool,
    retry: float,
    url: str,
    token_stdin: bool,
    **fields: Any,
) -> None:
    """Publish an update to the channel SLUG and print its number. TEXT is its body; - reads standard input."""
    if text == "-" and token_stdin:
        raise click.UsageError("Standard input can be the text or the token, not both.")
    if text is None and not fields["gone"] and all(fields.get(name) is None for name in (*CONTENT, "data")):
        raise click.UsageError(
            f"There is nothing to publish. Give TEXT, or - to read it from standard input: tidewire publish {slug} -"
        )
    hub = target(url, token_stdin)
    body = _standard_input() if text == "-" else text
    if idempotency_key is not None and not (idempotency_key.isascii() and idempotency_key.isprintable()):
        raise click.UsageError("--idempotency-key must be printable ASCII.")
    posting = Posting(hub, slug, _update(body, fields), idempotency_key)
    stored, is_replayed = post(posting, within=retry)
    click.echo(json_line(stored) if as_json else f"{stored['channel']} #{stored['seq']}")
    if is_replayed and idempotency_key is not None:
        click.echo("Already stored under this idempotency key; nothing is new.", err=True)


def _update(body: str | None, fields: dict[str, Any]) -> dict[str, Any]:
    """The given options as the API's fields. The hub checks the rules."""
    markdown, data, gone = fields.pop("markdown"), fields.pop("data"), fields.pop("gone")
    update = {name: value for name, value in {"body": body, **fields}.items() if value not in (None, ())}
    if markdown:
        update["format"] = "markdown"
    if data is not None:
        update["data"] = data[0]
    if gone:
        update["gone"] = True
    return update


def _standard_input() -> str:
    """All of standard input, without a byte order mark and one final line end.

    Raises ClickException beyond the bound of a body.
    """
    given = sys.stdin.buffer.read(MAX_BODY_BYTES + 6).removeprefix(codecs.BOM_UTF8)
    try:
        text = given.decode()
    except UnicodeDecodeError as error:
        if len(given) <= MAX_BODY_BYTES or error.start < MAX_BODY_BYTES - 4:
            raise click.ClickException("Standard input must be UTF-8 text.") from None
        text = given.decode(errors="replace")
    text = text.removesuffix("\n").removesuffix("\r")
    if len(text.encode()) > MAX_BODY_BYTES:
        raise click.ClickException(f"Standard input is more than a body's {MAX_BODY_BYTES // 1024} KiB.")
    return text


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
