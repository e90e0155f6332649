"""Processes of `python -m app …` that are forked from one which has imported it: the imports are most of a start.

A test whose subject is the start of a process gives a program, which is executed.
"""

import atexit
import contextlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from tests.support import ROOT

MODULES = ("app", "tests.support.plain_hub")
_PRELOADED = ("app.factory", "hypercorn.asyncio.run", "tests.support.ways", "aiosqlite", "asyncpg")
# What the interpreter reads once, at its own start.
_READ_ONCE = ("PYTHON", "LC_", "LANG")
_STATUS = struct.Struct("i")
_MESSAGE_BYTES = 128 * 1024


class Forked:
    """A forked process, with that part of subprocess.Popen which the tests use."""

    def __init__(self, pid: int, status: int) -> None:
        self.pid = pid
        self._status = status  # A pipe with the exit status once it has one.
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while the process runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """The exit status at the end. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"pid {self.pid}", timeout)
            (self.returncode,) = _STATUS.unpack(os.read(self._status, _STATUS.size))
            os.close(self._status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """The process that has imported the hub and waits to be forked; it is started by the first that asks."""

    def __init__(self) -> None:
        self._control: socket.socket | None = None
        self._one_request = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("TIDEWIRE_")}
        self._env |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}

    def takes(self, command: Sequence[str], env: Mapping[str, str] | None) -> bool:
        """Is it a command that a fork can become?"""
        if env is None or [*command[:2]] != [sys.executable, "-m"] or command[2] not in MODULES:
            return False
        own, given = ({n: v for n, v in each.items() if n.startswith(_READ_ONCE)} for each in (self._env, env))
        return own == {"PYTHONUNBUFFERED": "1", **given}

    def start(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], files: tuple[int, int, int]) -> Forked:
        """Fork the command with `files` as its standard input, output and error, in a process group of its own."""
        request = json.dumps({"command": [*command[2:]], "cwd": str(cwd), "env": dict(env)}).encode()
        ours, theirs = os.pipe()
        with self._one_request:
            control = self._control or self._open()
            try:
                socket.send_fds(control, [request], [*files, theirs])
            finally:
                os.close(theirs)
            return Forked(int(control.recv(_MESSAGE_BYTES)), ours)

    def close(self) -> None:
        """End the process; what was forked from it runs on."""
        if self._control is not None and self._process is not None:
            self._control.close()
            self._process.wait(30)

    def _open(self) -> socket.socket:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(60)
        with theirs:
            command = [sys.executable, "-m", "tests.support.forking", str(theirs.fileno())]
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, cwd=ROOT, env=self._env, pass_fds=[theirs.fileno()], process_group=0
            )
        return self._control


_open: ForkServer | None = None


@contextmanager
def fork_server() -> Iterator[None]:
    """Fork what can be forked while this is open. Linux only: elsewhere every program is executed."""
    global _open
    if hasattr(os, "pidfd_open"):
        _open = ForkServer()
    try:
        yield
    finally:
        if _open is not None:
            _open.close()
            _open = None


def server_for(command: Sequence[str], env: Mapping[str, str] | None) -> ForkServer | None:
    """The open fork server, if it takes this command."""
    return _open if _open is not None and _open.takes(command, env) else None


def _serve(control: socket.socket) -> list[str]:
    """Fork for each request until the client has closed. Returns in a child alone: the module to run, and its
    arguments."""
    children: dict[int, tuple[int, int]] = {}
    while True:
        for ready in select.select([control.fileno(), *children], [], [])[0]:
            if ready != control.fileno():
                pid, status = children.pop(ready)
                os.write(status, _STATUS.pack(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
                os.close(status)
                os.close(ready)
                continue
            message, files, _, _ = socket.recv_fds(control, _MESSAGE_BYTES, 4)
            if not message:
                os._exit(0)
            pid = os.fork()
            if pid == 0:
                return _become(json.loads(message), files[:3])
            for each in files[:3]:
                os.close(each)
            children[os.pidfd_open(pid)] = (pid, files[3])
            control.send(str(pid).encode())


def _become(request: dict[str, object], files: list[int]) -> list[str]:
    os.setpgid(0, 0)
    for number, each in enumerate(files):
        os.dup2(each, number)
    os.closerange(3, 4096)
    # A shell's background job starts with SIGINT ignored, and its children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command, env = request["command"], request["env"]
    assert isinstance(command, list) and isinstance(env, dict)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(str(request["cwd"]))
    sys.path[0] = os.getcwd()
    return command


def main() -> list[str]:
    """Import the hub, then serve. Returns as `_serve` does."""
    from app.cli.commands import COMMANDS

    for each in (*(name.partition(":")[0] for name in COMMANDS.values()), *_PRELOADED):
        import_module(each)
    return _serve(socket.socket(fileno=int(sys.argv[1])))


def _run(module: str) -> int:
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    module, *sys.argv[1:] = main()
    exit_status = _run(module)
    threading._shutdown()  # type: ignore[attr-defined]  # As the interpreter's own end, but for its last step:
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(exit_status)  # taking the imported modules apart takes twenty times as long as a short command.
