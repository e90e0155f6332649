"""`tidewire doctor`: prints the configuration, what can be reached, and what is wrong or unsafe."""

import asyncio

import click

from app.cli.client.terminal import plain
from app.cli.operator.checks import reached
from app.cli.operator.findings import Finding, State, configured, unsafe
from app.config import ConfigError, Settings

_MARKS = {State.OK: ("ok", "green"), State.UNSAFE: ("unsafe", "yellow"), State.WRONG: ("wrong", "red")}


@click.command()
def doctor() -> int:
    """Print the configuration, what can be reached, and what is wrong or unsafe.

    Exits with 1 when something is wrong; unsafe settings are warnings. It changes nothing, except that in development
    it creates a missing secret key.
    """
    try:
        settings = Settings.load()
    except (ConfigError, OSError) as error:
        _print([Finding(State.WRONG, "settings", str(error))])
        return 1
    for name, value in configured(settings):
        click.echo(f"{name:<26} {plain(value)}")
    click.echo()
    findings = [*asyncio.run(reached(settings)), *unsafe(settings)]
    _print(findings)
    return 1 if any(finding.state is State.WRONG for finding in findings) else 0


def _print(findings: list[Finding]) -> None:
    for finding in findings:
        word, color = _MARKS[finding.state]
        is_bad = finding.state is State.WRONG
        click.echo(f"{click.style(f'{word:<6}', fg=color)} {finding.subject}: {plain(finding.sentence)}", err=is_bad)
