"""`python -m benchmarks.soak`: a load that is held for minutes, with watchers that lose their connections all the time.

By default 10,000 watchers of 200 channels, 500 publishes and 50 reconnects per second, for 10 minutes. Every watcher
checks that each update arrives once and in order; at the end each has the newest update of its channel. Prints memory
and open files once a minute. The exit status is 1 where an update was lost, or a file is still open at the end.
"""

import argparse
import asyncio
import os
import random
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.backend import DATABASES, Backend
from benchmarks.channels import create_idle_channels
from benchmarks.failure import Failure
from benchmarks.meter import Meter
from benchmarks.run import log_progress
from benchmarks.sizes import allow_files
from benchmarks.soak.watcher import Publisher, Tally, Watcher

_PUBLISHERS = 4
_CONNECTING = 50  # At once.
_MOST_UNANSWERED = 500  # Of one publisher.
_TICK_S = 0.02
_POOLED = 10  # Open files of connections to the database that the hub may add and keep.
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Load:
    """What is held; the rates are per second."""

    watchers: int
    channels: int
    publishes: float
    reconnects: float
    seconds: float


class Soak:
    """The clients of one hub."""

    def __init__(self, port: int, load: Load) -> None:
        self._port, self._load = port, load
        self._channels = [f"idle-0-{index}" for index in range(load.channels)]
        self._watchers: list[Watcher] = []
        self._publishers: list[Publisher] = []
        self.tally = Tally()
        self.reconnects = self.published = 0

    async def start(self) -> None:
        """Connect everybody."""
        self._publishers = [Publisher(self.tally) for _ in range(_PUBLISHERS)]
        for publisher in self._publishers:
            await self._connect(publisher)
            await publisher.ready.wait()
        waiting = [self._channels[index % len(self._channels)] for index in range(self._load.watchers)]
        while waiting:
            batch, waiting = waiting[:_CONNECTING], waiting[_CONNECTING:]
            self._watchers += await asyncio.gather(*(self._follow(Watcher(self.tally, channel)) for channel in batch))

    async def hold(self) -> None:
        """Publish and reconnect at the rates, until the time is over. Raises Failure."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            while (passed := time.monotonic() - began) < self._load.seconds:
                while self.published < passed * self._load.publishes:
                    publisher = self._publishers[self.published % _PUBLISHERS]
                    if publisher.unanswered > _MOST_UNANSWERED:
                        break  # The hub is behind; what is not published now is published later.
                    publisher.publish(random.choice(self._channels))
                    self.published += 1
                while self.reconnects < passed * self._load.reconnects:
                    self.reconnects += 1
                    group.create_task(self._reconnect(random.randrange(len(self._watchers))))
                if self.tally.failure is not None:
                    raise self.tally.failure
                await asyncio.sleep(_TICK_S)

    async def check(self) -> None:
        """Return once every watcher has all of its channel. Raises Failure after 30 s, or where one has not."""
        deadline = time.monotonic() + 30
        while any(each.unanswered for each in self._publishers) or self._behind():
            if self.tally.failure is not None or time.monotonic() > deadline:
                raise self.tally.failure or Failure(f"{self._behind()} watchers lack updates")
            await asyncio.sleep(0.1)

    def leave(self) -> None:
        """Disconnect everybody."""
        for each in (*self._watchers, *self._publishers):
            each.transport.abort()
        self._watchers, self._publishers = [], []

    def _behind(self) -> int:
        stored = self.tally.stored
        return sum(each.seq != stored[each.channel] for each in self._watchers if each.channel in stored)

    async def _reconnect(self, index: int) -> None:
        before = self._watchers[index]
        if not before.subscribed.done():
            return  # It is about to.
        before.leave()
        await asyncio.sleep(random.random())
        if self._watchers[index] is before:
            self._watchers[index] = after = Watcher(self.tally, before.channel, before.seq, before.epoch)
            await self._follow(after)

    async def _follow(self, watcher: Watcher) -> Watcher:
        await self._connect(watcher)
        async with asyncio.timeout(30):
            await watcher.subscribed
        return watcher

    async def _connect(self, client: Watcher | Publisher) -> None:
        await asyncio.get_running_loop().create_connection(lambda: client, "127.0.0.1", self._port)


async def _run(database: str, load: Load) -> bool:
    """Hold the load; True if nothing is left open at the end."""
    async with Backend(database) as backend, backend.hub() as server:
        await create_idle_channels(backend.database_url, 1, load.channels, for_everyone=True)
        soak, first = Soak(server.port, load), Soak(server.port, replace(load, seconds=1))
        # Once for all that a hub opens at its first watchers and publishes and keeps: connections to its database.
        await first.start()
        await first.hold()
        await first.check()
        first.leave()
        files = await _fewest_files(server.meter)
        try:
            await soak.start()
            reporting = asyncio.create_task(_report(server.meter, soak))
            try:
                await soak.hold()
                await soak.check()
            finally:
                reporting.cancel()
        finally:
            soak.leave()
        left = await _fewest_files(server.meter)
        stored = {**first.tally.stored, **soak.tally.stored}
        published, total = first.published + soak.published, sum(stored.values())
        log_progress(
            f"{published:,} published, {total:,} stored, {soak.tally.delivered:,} delivered once and in order "
            f"over {soak.reconnects:,} reconnects; open files {files} before, {left} after; "
            f"memory at the end {server.meter.memory() / _MIB:.0f} MiB"
        )
        return left <= files + _POOLED and total == published


async def _report(meter: Meter, soak: Soak) -> None:
    began, cpu, delivered = time.monotonic(), meter.cpu(), 0
    while True:
        passed = time.monotonic() - began
        delays, soak.tally.delays = sorted(soak.tally.delays), []
        p99 = delays[int(len(delays) * 0.99)] * 1e3 if delays else 0.0
        log_progress(
            f"{passed / 60:4.1f} min: {meter.memory() / _MIB:.1f} MiB, {_files(meter)} files, "
            f"{soak.published:,} published, {(soak.tally.delivered - delivered) / 60:,.0f} deliveries/s, "
            f"p99 {p99:.0f} ms, {(meter.cpu() - cpu) / 60:.0%} of a core"
        )
        cpu, delivered = meter.cpu(), soak.tally.delivered
        await asyncio.sleep(60)


async def _fewest_files(meter: Meter) -> int:
    """The fewest within ten seconds: connections that the clients have ended are closed by then."""
    found = _files(meter)
    for _ in range(100):
        await asyncio.sleep(0.1)
        found = min(found, _files(meter))
    return found


def _files(meter: Meter) -> int:
    return len(os.listdir(Path(f"/proc/{meter.pid}/fd")))


def main() -> None:
    """Parse the options, hold the load."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--database", choices=list(DATABASES), default="sqlite")
    parser.add_argument("--watchers", type=int, default=10_000)
    parser.add_argument("--channels", type=int, default=200)
    parser.add_argument("--publishes", type=float, default=500, help="per second")
    parser.add_argument("--reconnects", type=float, default=50, help="per second")
    parser.add_argument("--minutes", type=float, default=10)
    given = parser.parse_args()
    load = Load(given.watchers, given.channels, given.publishes, given.reconnects, min(given.minutes, 60) * 60)
    allow_files(given.watchers + 1000)
    try:
        sys.exit(0 if asyncio.run(_run(given.database, load)) else "Files stayed open, or a publish was not stored.")
    except* Failure as failures:
        sys.exit(f"An update was lost: {failures.exceptions[0]}")


if __name__ == "__main__":
    main()
