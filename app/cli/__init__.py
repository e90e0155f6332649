"""The command line: each command is imported when it is used, and every failure is one sentence on stderr."""

import os
import sys
import traceback
from importlib import import_module
from itertools import takewhile

import click

from app.cli.blueprints import own_command, own_commands
from app.cli.client.terminal import plain
from app.cli.commands import COMMANDS
from app.cli.streams import StreamFailed, abandon_stdout, prepare_streams
from app.config import ConfigError
from app.errors import Refusal

__all__ = ["main"]
INTERRUPTED = 130  # 128 + SIGINT, as in shells.
UNFORESEEN = 70  # EX_SOFTWARE of sysexits(3).


class Commands(click.Group):
    """The hub's commands, then those of the application's own blueprints."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names that `--help` shows, the hub's first."""
        own = own_commands(ctx)
        return [*COMMANDS, *sorted(name for name in own if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command with this name; the hub's own takes precedence."""
        if cmd_name not in COMMANDS:
            return own_command(ctx, cmd_name)
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's own, with the names that a mistyped one resembles: click looks among loaded commands only."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=self.list_commands(ctx), ctx=ctx) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="tidewire", message="tidewire %(version)s")
@click.option("--debug", is_flag=True, help="Print the trace of an error that is a bug; log everything.")
def tidewire(debug: bool) -> None:
    """A hub for live updates: publish from any script, watch in a browser or a terminal, miss nothing.

    Settings come from TIDEWIRE_… variables and from .env; `tidewire doctor` checks them.
    """
    if debug:
        os.environ["TIDEWIRE_LOG_LEVEL"] = "debug"  # Spawned workers read the environment.


def main() -> None:
    """Run the command in the arguments, and exit with 0, 1 after a refusal or failure, 2 for wrong usage, or 70 after
    an error that nobody foresaw."""
    prepare_streams()
    sys.exit(run(sys.argv[1:]))


def _as_utf8(argument: str) -> str:
    """An argument whose bytes are UTF-8, also where the terminal's locale has another encoding (PEP 383). Raises
    UsageError for other bytes."""
    try:
        return os.fsencode(argument).decode()
    except UnicodeError:
        shown = ascii(argument)
        raise click.UsageError(f"The argument {shown[:80]} is not text in UTF-8: set the terminal to it.") from None


def run(arguments: list[str]) -> int:
    """Run the command in `arguments`. Returns the exit status."""
    try:
        status = tidewire.main(
            [_as_utf8(each) for each in arguments],
            prog_name="tidewire",
            complete_var="_TIDEWIRE_COMPLETE",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except click.Abort as abort:
        if isinstance(abort.__cause__, KeyboardInterrupt):
            return INTERRUPTED
        click.echo("Aborted.", err=True)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Refusal as refusal:
        return _print_failure(str(refusal))
    except ConfigError as error:
        return _print_failure(str(error))
    except StreamFailed as failure:
        return _stream_failure(failure)
    except OSError as error:
        return _os_failure(error)
    except Exception as error:
        if "--debug" in takewhile(lambda word: word.startswith("-"), arguments):
            traceback.print_exc()
        kind, text = type(error).__name__, plain(error)
        return _print_failure(
            f"{kind}{f': {text}' if text else ''}. This is a bug, please report it; `tidewire --debug …` prints the "
            "trace.",
            UNFORESEEN,
        )
    return status if isinstance(status, int) else 0


def _stream_failure(failure: StreamFailed) -> int:
    if not failure.is_output:
        return _print_failure(str(failure))
    abandon_stdout()
    if failure.reader_left:
        return 0  # It has enough (`| head`).
    return _print_failure(f"{failure} What the command did before stays done.")


def _os_failure(error: OSError) -> int:
    reason = plain(error.strerror or error or type(error).__name__)
    return _print_failure(f"{plain(error.filename)}: {reason}." if error.filename is not None else f"{reason}.")


def _print_failure(sentence: str, status: int = 1) -> int:
    click.echo(f"Error: {sentence}", err=True)
    return status
