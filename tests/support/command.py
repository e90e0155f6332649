"""The command line as an operator uses it: `python -m app …` as a process, with the given settings only."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from tests.support import ROOT
from tests.support.forking import ForkServer, server_for

WITHIN = 30.0  # seconds for a command that ends by itself


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


def _restore_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class CommandLine:
    """Commands in one working directory; each gets `settings` and none of the test run's."""

    def __init__(self, directory: Path, settings: Mapping[str, str]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIDEWIRE_")}
        self._env = {**inherited, "PYTHONPATH": str(ROOT), **settings}
        self._directory = directory

    async def run(self, *arguments: str, given: bytes = b"", **settings: str) -> Outcome:
        """Run the command to its end; `given` is its standard input."""
        command, env = self._command(arguments), {**self._env, **settings}
        if (server := server_for(command, env)) is not None:
            return await asyncio.to_thread(self._fork, server, command, env, given)
        process = await self._start(arguments, settings)
        try:
            async with asyncio.timeout(WITHIN):
                out, err = await process.communicate(given)
        except TimeoutError:
            process.kill()
            out, err = await process.communicate()
            raise AssertionError(f"{arguments} did not end: {out!r} {err!r}") from None
        assert process.returncode is not None
        return Outcome(process.returncode, out.decode(), err.decode())

    async def ok(self, *arguments: str, given: bytes = b"", **settings: str) -> str:
        """Run the command, which must succeed, and return its standard output."""
        outcome = await self.run(*arguments, given=given, **settings)
        assert outcome.status == 0, outcome
        return outcome.out

    @asynccontextmanager
    async def running(self, *arguments: str, **settings: str) -> AsyncIterator["Running"]:
        """Start a command that does not end by itself; it is killed on exit if it still runs."""
        running = Running(await self._start(arguments, settings))
        try:
            yield running
        finally:
            await running.close()

    def _fork(self, server: ForkServer, command: list[str], env: dict[str, str], given: bytes) -> Outcome:
        with TemporaryFile() as stdin, TemporaryFile() as out, TemporaryFile() as err:
            stdin.write(given)
            stdin.seek(0)
            files = (stdin.fileno(), out.fileno(), err.fileno())
            process = server.start(command, self._directory, env, files)
            try:
                status = process.wait(WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
                raise AssertionError(f"{command} did not end") from None
            out.seek(0)
            err.seek(0)
            return Outcome(status, out.read().decode(), err.read().decode())

    @staticmethod
    def _command(arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "app", *arguments]

    async def _start(self, arguments: tuple[str, ...], settings: Mapping[str, str]) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *self._command(arguments),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            cwd=self._directory,
            env={**self._env, **settings},
            limit=2**20,
            process_group=0,
            # A shell's background job starts with SIGINT ignored, and its children inherit that.
            preexec_fn=_restore_interrupt,
        )


class Running:
    """A running command, and its output line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self, *, within: float = 15) -> str:
        """The next line on stdout."""
        assert self._process.stdout is not None
        return await self._next(self._process.stdout, within)

    async def error_line(self, *, within: float = 15) -> str:
        """The next line on stderr."""
        assert self._process.stderr is not None
        return await self._next(self._process.stderr, within)

    async def json_lines(self, count: int, *, within: float = 15) -> list[dict[str, Any]]:
        """The next `count` lines on stdout, each a JSON object."""
        return [json.loads(await self.line(within=within)) for _ in range(count)]

    def hang_up(self) -> None:
        """Close stdout, as `head` does after its last line."""
        transport = self._process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
        transport.close()

    async def interrupt(self, *, within: float = 10) -> int:
        """Send SIGINT, as Ctrl-C does, and return the exit status."""
        self._process.send_signal(signal.SIGINT)
        return await self.ended(within=within)

    async def ended(self, *, within: float = 10) -> int:
        """The exit status, once it has ended."""
        async with asyncio.timeout(within):
            return await self._process.wait()

    async def rest(self) -> tuple[str, str]:
        """The rest of stdout and of stderr, after its end."""
        out, err = await self._process.communicate()
        return out.decode(), err.decode()

    async def close(self) -> None:
        """Kill it if it still runs."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def _next(self, stream: asyncio.StreamReader, within: float) -> str:
        try:
            async with asyncio.timeout(within):
                line = await stream.readline()
        except TimeoutError:
            raise AssertionError(f"no line within {within} s") from None
        assert line, "the output has ended"
        return line.decode().rstrip("\n")
