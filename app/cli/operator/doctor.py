"""`tidewire doctor`: prints the configuration, what can be reached, and what is wrong or unsafe."""

import asyncio

import click

from app.cli.client.terminal import json_line, plain
from app.cli.operator.checks import reached
from app.cli.operator.findings import Finding, State, configured, unsafe
from app.cli.operator.outside import outside
from app.config import ConfigError, Settings

_MARKS = {State.OK: ("ok", "green"), State.UNSAFE: ("unsafe", "yellow"), State.WRONG: ("wrong", "red")}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: ok, settings, findings.")
def doctor(as_json: bool) -> int:
    """Print the configuration, what can be reached, and what is wrong or unsafe.

    It tries a write to the database, and the public URL from outside: health, a websocket, a stream, and a body of the
    largest size. Exits with 1 when something is wrong; unsafe settings are warnings. It creates nothing.
    """
    values: list[tuple[str, str]] = []
    try:
        settings = Settings.load(make_secret=False)
    except ConfigError as error:
        findings = [Finding(State.WRONG, "settings", str(error))]
    else:
        values = list(configured(settings))
        findings = asyncio.run(_findings(settings))
    is_well = all(finding.state is not State.WRONG for finding in findings)
    if as_json:
        click.echo(
            json_line({"ok": is_well, "settings": dict(values), "findings": [_object(each) for each in findings]})
        )
    else:
        _print(values, findings)
    return 0 if is_well else 1


async def _findings(settings: Settings) -> list[Finding]:
    return [*await reached(settings), *await outside(settings), *unsafe(settings)]


def _object(finding: Finding) -> dict[str, str]:
    return {"state": finding.state.name.lower(), "subject": finding.subject, "sentence": finding.sentence}


def _print(values: list[tuple[str, str]], findings: list[Finding]) -> None:
    for name, value in values:
        click.echo(f"{name:<26} {plain(value)}")
    if values:
        click.echo()
    for finding in findings:
        word, color = _MARKS[finding.state]
        is_bad = finding.state is State.WRONG
        click.echo(f"{click.style(f'{word:<6}', fg=color)} {finding.subject}: {plain(finding.sentence)}", err=is_bad)
