"""The group of commands: each has its help, and a command of a user's blueprint is found after the built-in ones."""

from pathlib import Path

import click
import pytest

from app.cli import run, tidewire
from app.cli.commands import COMMANDS


def every_command() -> list[tuple[str, ...]]:
    """The words of each command and group, from the commands themselves."""
    context = click.Context(tidewire, info_name="tidewire")
    found: list[tuple[str, ...]] = []
    for name in COMMANDS:
        command = tidewire.get_command(context, name)
        found.append((name,))
        if isinstance(command, click.Group):
            found += [(name, below) for below in command.commands]
    return found


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_has_a_help(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    status = run([*words, "--help"])
    shown = capsys.readouterr()

    assert (status, shown.err) == (0, "")
    assert f"Usage: tidewire {' '.join(words)}" in shown.out


def test_a_mistyped_command_is_a_usage_error_and_creates_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIDEWIRE_BLUEPRINTS", raising=False)

    status = run(["publsh"])

    assert (status, capsys.readouterr().out) == (2, "")
    assert list(tmp_path.iterdir()) == []


def test_a_token_cannot_be_given_on_the_command_line() -> None:
    context = click.Context(tidewire, info_name="tidewire")
    options = {
        option
        for name in ("publish", "watch")
        if (command := tidewire.get_command(context, name)) is not None
        for parameter in command.params
        for option in parameter.opts
    }

    assert "--token-stdin" in options
    assert "--token" not in options
