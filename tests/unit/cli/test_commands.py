"""The group of commands: each has its help, and a command of a user's blueprint is found after the built-in ones."""

import re
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


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["serv"], "serve"), (["publsh", "lobby"], "publish"), (["tokens", "list"], "token"), (["docter"], "doctor"),
        (["token", "lst"], "list"), (["user", "crate", "ana"], "create"), (["db", "upgrad"], "upgrade"),
        (["publish", "lobby", "--tilte", "x"], "--title"),
    ],
)  # fmt: skip
def test_a_mistyped_name_is_answered_with_the_one_it_resembles(
    typed: list[str], meant: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TIDEWIRE_BLUEPRINTS", raising=False)
    status = run(typed)

    assert status == 2
    assert re.search(rf"Did you mean .*'{meant}'", capsys.readouterr().err)


def test_a_name_that_resembles_none_is_answered_without_a_guess(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["xyzzy"]) == 2
    assert "No such command 'xyzzy'.\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "completions"),
    [
        ("tidewire s", ["serve", "session"]),
        ("tidewire token ", ["create", "list", "revoke"]),
        ("tidewire publish --pro", ["--progress"]),
    ],
)
def test_a_shell_completes_commands_and_options(
    words: str, completions: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TIDEWIRE_BLUEPRINTS", raising=False)
    monkeypatch.setenv("_TIDEWIRE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    with pytest.raises(SystemExit):
        run([])

    assert [line.partition(",")[2] for line in capsys.readouterr().out.splitlines()] == completions


def test_the_documented_line_makes_a_shell_complete(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "command-line.md").read_text()
    for shell in re.findall(r"_TIDEWIRE_COMPLETE=(\w+)_source tidewire", page):
        monkeypatch.setenv("_TIDEWIRE_COMPLETE", f"{shell}_source")
        with pytest.raises(SystemExit):
            run([])

        assert f"_TIDEWIRE_COMPLETE={shell}_complete" in capsys.readouterr().out


@pytest.mark.parametrize("options", [[], ["--level", "error"], ["--key", "k", "--tag", "t"]])
def test_a_publish_of_nothing_says_how_to_read_standard_input(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(["publish", "lobby", *options])

    assert status == 2
    assert "- to read it from standard input: tidewire publish lobby -" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [["--progress", "101%"], ["--progress", "-1"], ["--value", "5%"], ["--level", "loud"]]
)
def test_a_value_that_can_not_be_read_is_a_wrong_usage(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["publish", "lobby", "x", *options])

    assert status == 2
    assert f"Invalid value for '{options[0]}'" in capsys.readouterr().err


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
