"""A forked command does what the executed one does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.command import CommandLine
from tests.support.forking import server_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Only Linux can wait for the child of another process.")

ENV = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (["--version"], b""),
        (["publish"], b""),
        (["user", "disable", "absent"], b""),
        (["publish", "lobby", "-", "--url", "http://127.0.0.1:1"], b"\xff"),
        (["user", "create", "ana", "--email", "ana@example.org", "--password-stdin"], b"correct horse battery\n"),
    ],
)
async def test_status_and_output_are_those_of_the_executed_command(
    arguments: list[str], given: bytes, tmp_path: Path
) -> None:
    forked = await CommandLine(tmp_path, {}).run(*arguments, given=given)
    # Another setting of the interpreter, which a fork can't take up.
    executed = await CommandLine(tmp_path, {"PYTHONOPTIMIZE": ""}).run(*arguments, given=given)

    assert forked == executed


def test_a_fork_takes_a_command_of_the_hub_with_the_interpreters_own_settings_only() -> None:
    command, env = [sys.executable, "-m", "app", "--version"], {**ENV, "TIDEWIRE_ENV": "production"}

    assert server_for(command, env) is not None
    assert server_for(command, {**env, "LC_ALL": "de_AT"}) is None
    assert server_for(command, {**env, "PYTHONWARNINGS": "error"}) is None
    assert server_for([sys.executable, "-m", "json.tool"], env) is None
    assert server_for(["true"], env) is None


def test_a_signal_ends_the_fork_and_its_status_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app", "watch", "lobby", "--url", "http://127.0.0.1:1"]
    server = server_for(command, ENV)
    assert server is not None
    with (tmp_path / "log").open("w+b") as log:
        files = (log.fileno(),) * 3
        killed, interrupted = (server.start(command, tmp_path, ENV, files) for _ in range(2))
        with pytest.raises(subprocess.TimeoutExpired):
            killed.wait(0.5)
        deadline = time.monotonic() + 10
        while b"reconnect" not in (tmp_path / "log").read_bytes() and time.monotonic() < deadline:
            time.sleep(0.05)
        killed.kill()
        interrupted.send_signal(signal.SIGINT)

        assert (killed.wait(10), interrupted.wait(10)) == (-signal.SIGKILL, 130)
        assert (killed.poll(), killed.pid != interrupted.pid) == (-signal.SIGKILL, True)
        killed.kill()  # Ended: nothing is sent to whoever has its pid now.
