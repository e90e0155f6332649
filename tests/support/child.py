"""A server program that a test runs as a child process: it waits until the server is ready, and ends it by its pid."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.support.forking import Forked, server_for


class Child:
    """One program, at most one process at a time; its output is appended to one log file."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        user: int | None = None,
        forks: bool = False,
    ) -> None:
        self.command, self.log, self._cwd, self._env, self._user = list(command), log, cwd, env, user
        self._forks = forks  # Rather than executes it, where that is possible.
        self._process: subprocess.Popen[bytes] | Forked | None = None

    @property
    def pid(self) -> int:
        """The pid of the running process, or of the last one."""
        assert self._process is not None, f"{self.command[0]} was never started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def spawn(self) -> None:
        """Start the process and return at once; it may not be ready yet."""
        assert not self.running, f"{self.command[0]} already runs as {self.pid}"
        # Its own process group: Ctrl+C interrupts the test run only, which then ends its children in order.
        server = server_for(self.command, self._env) if self._forks else None
        with self.log.open("ab") as log, open(os.devnull, "rb") as nothing:
            if server is not None and self._env is not None:
                files = (nothing.fileno(), log.fileno(), log.fileno())
                self._process = server.start(self.command, self._cwd, self._env, files)
                return
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._cwd,
                env=self._env,
                user=self._user,
                group=self._user,
                extra_groups=None if self._user is None else [],
                process_group=0,
            )

    def start(self, ready: Callable[[], bool], *, within: float) -> None:
        """Start, and return when `ready()` is true; fail if the process ends before that or takes longer."""
        self.spawn()
        deadline = time.monotonic() + within
        while not ready():
            if not self.running:
                raise AssertionError(f"{self.command[0]} ended with {self.returncode}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.end(signal.SIGKILL, within=10)
                raise AssertionError(f"{self.command[0]} was not ready within {within} s:\n{self.log_tail()}")
            time.sleep(0.02)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process if it runs."""
        if self._process is not None and self.running:
            self._process.send_signal(number)

    def end(self, number: signal.Signals, *, within: float) -> int | None:
        """Send the signal and wait for the end, as `wait` does."""
        self.send(number)
        return self.wait(within=within)

    def wait(self, *, within: float) -> int | None:
        """The exit status once the process has ended, None if it was never started.

        After that many seconds it is killed and the test fails.
        """
        if self._process is None:
            return None
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait(10)
            raise AssertionError(f"{self.command[0]} did not end within {within} s:\n{self.log_tail()}") from None

    @property
    def returncode(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def log_tail(self, characters: int = 4000) -> str:
        """The end of the process's output."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""
