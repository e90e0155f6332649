"""A hub as its own process, as an operator runs it; a test can stop it and kill it."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.support import ROOT
from tests.support.child import Child
from tests.support.ports import HOST, free_port
from tests.support.ways import Way, command

START_WITHIN = 30.0  # seconds: a first start runs the migrations, on a machine that may be busy
STOP_WITHIN = 30.0


class HubProcess:
    """`python -m app serve`, or another `way`, on its own port, in its own directory, with these settings only.

    `program` replaces it: a command whose `{bind}` becomes the address to listen at, executed and never forked.
    """

    def __init__(
        self,
        directory: Path,
        settings: Mapping[str, str],
        *,
        port: int | None = None,
        way: Way = Way.DIRECT,
        program: Sequence[str] = (),
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://{HOST}:{self.port}"
        directory.mkdir(parents=True, exist_ok=True)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIDEWIRE_")}
        own = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "TIDEWIRE_BIND": f"{HOST}:{self.port}"}
        # The command line uses these to work on the same database beside the hub.
        self.command = [sys.executable, "-m", "app"]
        self.environment = {**inherited, **own, **settings}
        self.directory = directory
        if way is Way.UVLOOP:
            values = (ROOT / "hypercorn.toml").read_text()
            (directory / "hypercorn.toml").write_text(f'{values}worker_class = "uvloop"\n')
        # The directory is the working directory too, so that neither a developer's .env nor data/ is read.
        given = [each.format(bind=f"{HOST}:{self.port}") for each in program]
        log = directory / f"hub-{self.port}.log"
        self._child = Child(given or command(way), log, cwd=directory, env=self.environment, forks=not given)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.running

    @property
    def log(self) -> str:
        """The output so far, of all starts."""
        return self._child.log_tail(1_000_000)

    async def start(self, *, within: float = START_WITHIN) -> None:
        """Start, and return once /readyz answers 200."""
        self._child.spawn()
        await self.ready(within=within)

    async def ready(self, *, within: float = START_WITHIN) -> None:
        """Wait until /readyz answers 200; fail if the process ends or the time is over."""
        deadline, last = time.monotonic() + within, "no answer"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while time.monotonic() < deadline:
                if not self.running:
                    raise AssertionError(f"the hub ended with {self._child.returncode}:\n{self.log[-4000:]}")
                try:
                    async with session.get(f"{self.url}/readyz") as response:
                        last = f"{response.status} {await response.text()}"
                        if response.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(0.05)
        raise AssertionError(f"the hub was not ready within {within} s ({last}):\n{self.log[-4000:]}")

    async def kill(self) -> None:
        """Send SIGKILL: the hub closes and flushes nothing."""
        await self._end(signal.SIGKILL, within=10)

    async def stop(self, *, within: float = STOP_WITHIN) -> int:
        """Send SIGTERM and return the exit status; after that many seconds it is killed and the test fails."""
        return await self._end(signal.SIGTERM, within=within)

    async def restart(self) -> None:
        """Stop gracefully, then start on the same port."""
        await self.stop()
        await self.start()

    def send(self, number: signal.Signals) -> None:
        """Send any other signal, such as SIGSTOP and SIGCONT for a hub that hangs."""
        self._child.send(number)

    async def _end(self, number: signal.Signals, *, within: float) -> int:
        # In a thread: the clients on this loop have to run during the shutdown.
        status = await asyncio.to_thread(self._child.end, number, within=within)
        assert status is not None, "the hub was never started"
        return status

    async def close(self) -> None:
        """Kill the process if it runs, also while it is stopped by SIGSTOP."""
        if self.running:
            self._child.send(signal.SIGCONT)
            await self.kill()


@asynccontextmanager
async def hub_process(
    directory: Path,
    settings: Mapping[str, str],
    *,
    port: int | None = None,
    way: Way = Way.DIRECT,
    program: Sequence[str] = (),
) -> AsyncIterator[HubProcess]:
    """A started hub; killed at the end if the test has not stopped it."""
    hub = HubProcess(directory, settings, port=port, way=way, program=program)
    try:
        await hub.start()
        yield hub
    finally:
        await hub.close()
