"""Standard input, output and error that are closed, full, slow or of another encoding: one sentence and a status."""

import asyncio
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.command import CommandLine
from tests.support.process import hub_process


def command(shell: str, directory: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """What a shell does with `tidewire` in place of its name."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIDEWIRE_")}
    return subprocess.run(
        ["bash", "-c", shell.replace("tidewire", f"{sys.executable} -m app")],
        cwd=directory,
        env={**inherited, "PYTHONPATH": str(ROOT), **settings},
        capture_output=True,
        text=True,
        encoding="latin-1",
        timeout=30,
    )


@pytest.mark.parametrize(
    ("shell", "status", "error"),
    [
        ("tidewire --help >/dev/full", 1, "Error: Standard output can't be written: No space left on device. "),
        ("tidewire --help >&-", 1, "Error: Standard output can't be written: it is closed. "),
        ("tidewire publish lobby - <&-", 1, "Error: Standard input can't be read: it is closed."),
        ("tidewire publish lobby x --token-stdin <&-", 1, "Error: Standard input can't be read: it is closed."),
        ("tidewire doctor >&- <&- 2>&-", 1, ""),
        ("tidewire nonsense 2>/dev/full", 2, ""),
    ],
)
def test_a_stream_that_fails_is_one_sentence_and_a_status(shell: str, status: int, error: str, tmp_path: Path) -> None:
    done = command(shell, tmp_path)

    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith(error) and done.stderr.count("\n") == bool(error), done.stderr


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    done = command("tidewire --help | head -n 1; echo ${PIPESTATUS[0]}", tmp_path)

    assert (done.stdout.splitlines()[1], done.stderr) == ("0", "")


def test_no_file_takes_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    """The database must not get the number 1, and be written the command's output."""
    done = command("tidewire db upgrade >&- <&- 2>&-; tidewire channel create ci", tmp_path)

    assert (done.returncode, done.stdout) == (0, "Created ci: private; publishers may publish.\n")
    assert (tmp_path / "data" / "tidewire.db").read_bytes().startswith(b"SQLite format 3\0")


async def test_every_character_reaches_a_terminal_of_another_encoding(tmp_path: Path) -> None:
    async with hub_process(tmp_path, {}) as hub:
        settings = {"TIDEWIRE_URL": hub.url, "PYTHONIOENCODING": "latin-1"}
        shell = "tidewire publish lobby 'ä → \N{PARTY POPPER}' --json --title …"
        done = await asyncio.to_thread(command, shell, tmp_path, **settings)
        cp1252 = await asyncio.to_thread(
            command, "tidewire publish lobby → --json", tmp_path, **{**settings, "PYTHONIOENCODING": "cp1252"}
        )

    assert (done.returncode, done.stderr, cp1252.returncode) == (0, "", 0)
    assert json.loads(done.stdout)["body"] == "ä → \N{PARTY POPPER}"
    assert json.loads(cp1252.stdout)["body"] == "→"


def test_a_non_blocking_output_loses_no_line(tmp_path: Path) -> None:
    """A pipe's buffer is full after 64 KiB; the writer waits for its reader."""
    program = (
        "import sys\n"
        "from app.cli.streams import prepare_streams\n"
        "prepare_streams()\n"
        "for n in range(30_000): print(n)\n"
        "sys.stdout.flush()\n"
    )
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETFL, fcntl.fcntl(writer, fcntl.F_GETFL) | os.O_NONBLOCK)
    child = subprocess.Popen([sys.executable, "-c", program], stdout=writer, env={"PYTHONPATH": str(ROOT)})
    os.close(writer)
    with open(reader) as lines:
        found = lines.read().splitlines()

    assert (child.wait(10), found) == (0, [str(n) for n in range(30_000)])


def test_what_nobody_foresaw_is_one_sentence_and_its_trace_only_on_demand(tmp_path: Path) -> None:
    tmp_path.joinpath("shop.py").write_text(
        "from quart import Blueprint\n"
        "blueprint = Blueprint('shop', __name__, cli_group='shop')\n"
        "@blueprint.cli.command()\n"
        "def fail():\n"
        "    raise LookupError('two\\nlines')\n"
    )
    settings = {"TIDEWIRE_BLUEPRINTS": "shop:blueprint"}
    plain = command("tidewire shop fail", tmp_path, **settings)
    debug = command("tidewire --debug shop fail", tmp_path, **settings)

    assert (plain.returncode, debug.returncode) == (70, 70)
    assert plain.stderr.startswith("Error: LookupError: two lines. This is a bug") and plain.stderr.count("\n") == 1
    assert "Traceback" in debug.stderr and plain.stderr in debug.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("publish", "lobby", "\udcff"),
        ("publish", "lob\udcff", "x"),
        ("publish", "lobby", "x", "--title", "\udcff"),
        ("watch", "a\udcff"),
        ("channel", "create", "ci", "--title", "x\udcff"),
        ("serve", "--bind", "\udcff"),
    ],
)
async def test_an_argument_that_is_not_utf8_is_one_sentence(words: tuple[str, ...], tmp_path: Path) -> None:
    outcome = await CommandLine(tmp_path, {}).run(*words)

    assert (outcome.status, outcome.out) == (2, "")
    assert "is not text in UTF-8" in outcome.err and "Traceback" not in outcome.err
    assert not (tmp_path / "data").exists()
