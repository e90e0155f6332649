"""`tidewire doctor`: what is configured, what of it is reached, and what is wrong or unsafe."""

import asyncio

import click

from app.cli.client.terminal import plain
from app.cli.operator.checks import reached
from app.cli.operator.findings import Finding, State, configured, unsafe
from app.config import ConfigError, Settings

_MARKS = {State.OK: ("ok", "green"), State.UNSAFE: ("unsafe", "yellow"), State.WRONG: ("wrong", "red")}


@click.command()
def doctor() -> int:
    """Say what is configured, reached and wrong. Exits 1 when something is wrong; what is only unsafe is a warning.

    Nothing is changed, but that development makes its secret key when it has none.
    """
    try:
        settings = Settings.load()
    except (ConfigError, OSError) as error:
        _tell([Finding(State.WRONG, "settings", str(error))])
        return 1
    for name, value in configured(settings):
        click.echo(f"{name:<26} {plain(value)}")
    click.echo()
    findings = [*asyncio.run(reached(settings)), *unsafe(settings)]
    _tell(findings)
    return 1 if any(finding.state is State.WRONG for finding in findings) else 0


def _tell(findings: list[Finding]) -> None:
    for finding in findings:
        word, color = _MARKS[finding.state]
        is_bad = finding.state is State.WRONG
        click.echo(f"{click.style(f'{word:<6}', fg=color)} {finding.subject}: {plain(finding.sentence)}", err=is_bad)
