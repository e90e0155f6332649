"""Many watchers of one channel, counted together: how far they are, and whether one of them lost anything."""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from benchmarks.frames import handshake
from benchmarks.watcher import Watcher
from tests.support.ports import HOST

_AT_ONCE = 100  # Connections on their way at one time.
_CONNECT_WITHIN = 90.0


class Failure(Exception):
    """The run is void: an update was lost or doubled, a call was refused, or a bound was passed."""


class Crowd:
    """That many watchers, as `async with Crowd(...)`: all are connected inside, and gone after it."""

    def __init__(self, port: int, count: int, channel: str, *, timed: bool = False) -> None:
        self.delivered = 0
        self.delays: list[int] = []
        self.finished = 0.0  # When the last update came, of time.perf_counter.
        self.epoch = ""
        self._port, self._count, self._channel, self._timed = port, count, channel, timed
        self._watchers: list[Watcher] = []
        self._welcome = self._subscribed = 0
        self._target = self._behind = 0
        self._failure: str | None = None
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        opening = handshake(HOST, self._port)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def connect(index: int) -> None:
            async with gate:
                _, watcher = await loop.create_connection(
                    lambda: Watcher(self, opening, thorough=index == 0, timed=self._timed), HOST, self._port
                )
                self._watchers.append(watcher)

        async with asyncio.TaskGroup() as tasks:
            for index in range(self._count):
                tasks.create_task(connect(index))
        await self._until(lambda: self._welcome == self._count, _CONNECT_WITHIN, "every watcher is welcome")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for watcher in self._watchers:
            watcher.leave()

    async def subscribe(self) -> int:
        """Everybody follows from now on; the seq from which they do."""
        self._ask(None)
        await self._until(lambda: self._subscribed == self._count, _CONNECT_WITHIN, "every watcher is subscribed")
        seqs = {watcher.seq for watcher in self._watchers}
        if len(seqs) != 1:
            raise Failure(f"The channel was not idle: the watchers begin at {sorted(seqs)}.")
        return seqs.pop()

    def resume(self, after: int, epoch: str) -> None:
        """Everybody asks at once for what follows that position."""
        self._ask(after, epoch)

    async def reach(self, seq: int, within: float) -> None:
        """Return when every watcher has everything up to `seq`, each update once and in order; raises Failure."""
        self._target = seq
        self._behind = sum(watcher.seq < seq for watcher in self._watchers)
        await self._until(lambda: self._behind == 0, within, f"every watcher has {seq}")
        if any(watcher.seq != seq for watcher in self._watchers):
            raise Failure(f"A watcher has more than {seq}, the last that was published.")

    def on_welcome(self) -> None:
        self._welcome += 1
        if self._welcome == self._count:
            self._changed.set()

    def on_subscribed(self, epoch: str) -> None:
        self.epoch = epoch
        self._subscribed += 1
        if self._subscribed == self._count:
            self._changed.set()

    def on_updates(self, before: int, seq: int, count: int) -> None:
        self.delivered += count
        self.finished = time.perf_counter()
        if before < self._target <= seq:
            self._behind -= 1
            if self._behind == 0:
                self._changed.set()

    def on_delays(self, delays: list[int]) -> None:
        self.delays.extend(delays)

    def on_failure(self, reason: str) -> None:
        self._failure = self._failure or reason
        self._changed.set()

    def _ask(self, after: int | None, epoch: str | None = None) -> None:
        for watcher in self._watchers:
            watcher.subscribe(self._channel, after, epoch)

    async def _until(self, holds: Callable[[], bool], within: float, what: str) -> None:
        try:
            async with asyncio.timeout(within):
                while self._failure is None and not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            slowest = min((watcher.seq for watcher in self._watchers), default=0)
            raise Failure(f"After {within:g} s it is not so that {what}; the slowest is at {slowest}.") from None
        if self._failure is not None:
            raise Failure(f"A watcher failed: {self._failure}.")
