"""A reconnect storm: many watchers resume at once and have missed the same updates, while live watchers stay connected.

The live watchers and the storm are clients of two generator processes: in one, an update of a live watcher would wait
until the storm's bytes are read. The same storm at a separate hub on this machine shows what the live watchers wait for
a core: the storm's clients use the cores as well.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median

from benchmarks.backend import Backend
from benchmarks.generator.driver import Field
from benchmarks.hub_protocol import websocket
from benchmarks.position import Position, newest
from benchmarks.run import Run, median_of
from benchmarks.server import BATCHES, WEBSOCKET, Server
from benchmarks.session import WATCHERS, LoadResult, Session, open_session
from benchmarks.table import Figures, RelativeTarget, Report

NAME = "reconnect"
_LIVE_WATCHERS = 100
_RATE = 50
_TIMEOUT_S = 60.0
_BEFORE, _SEPARATE, _DURING, _AFTER = (
    f"live p99 ms {when}" for when in ("before", "beside a separate storm", "during", "after")
)


@dataclass(frozen=True, slots=True)
class _Storm:
    """Clients of one hub in a process of their own, all with the same position behind the newest update."""

    hub: Server
    clients: Session
    position: Position
    count: int
    missed: int

    async def connect(self) -> None:
        """Connect all clients without a subscription, and wait until the hub is idle."""
        protocol = (*websocket(self.hub.token), ("external", 1), ("ready", '"type":"welcome"'))
        await self.clients.connect(self.count, timed=False, protocol=protocol)
        await self.hub.meter.wait_until_idle()

    async def resume(self) -> tuple[float, int]:
        """Subscribe all clients; return the seconds until all caught up, and the updates that they received by then."""
        missed: list[Field] = [("after", self.position.seq), ("missed", self.missed)]
        subscribe: list[Field] = [
            ("group", WATCHERS),
            ("text", self.position.subscription()),
            ("within", _TIMEOUT_S),
        ]
        reply = await self.clients.generator.command("send", [*subscribe, *missed])
        return reply["seconds"], int(reply["received"])

    async def disconnect(self) -> None:
        """Disconnect all clients."""
        await self.clients.disconnect()


async def measure(run: Run) -> Report:
    """The seconds until all watchers caught up, and the live watchers' 99th percentile before, during and after."""
    rows: dict[str, Figures] = {}
    targets: list[RelativeTarget] = []
    for backend in run.backends:
        name = backend.hub_name
        rows[name] = await _one_hub(run, backend)
        for column, words in (
            (_BEFORE, "that before"),
            (_SEPARATE, "that beside a separate storm"),
            (_AFTER, "that after"),
        ):
            targets.append(RelativeTarget(f"{name}, {_DURING}", rows[name][_DURING], rows[name][column], 2.0, words))
    return Report(
        NAME,
        f"Reconnect storm: {run.sizes.storm_watchers} watchers resume at once, "
        f"each with {run.sizes.storm_missed} missed updates",
        "Lower is better. Seconds run from the first subscription to the last watcher's last missed update; CPU is the "
        "hub's in that time, per update delivered, live updates included. The live watchers are "
        f"{_LIVE_WATCHERS} others, clients of a process of their own, at {_RATE} updates per second. The separate "
        "storm is the same one at another hub on this machine: the delay beside it is time spent waiting for a core. "
        "`after` is measured when all have caught up and are live watchers as well.",
        rows,
        targets,
    )


async def _one_hub(run: Run, backend: Backend) -> Figures:
    fixed_rate = (("rate", _RATE), ("seconds", run.sizes.calm_seconds / 2))
    before, separate, during, after, seconds, costs = [], [], [], [], [], []
    async with (
        backend.hub() as hub,
        open_session(hub, _LIVE_WATCHERS) as live,
        _storm(run, hub, live) as storm,
        backend.separate_hub() as other,
        open_session(other) as publisher,
        _storm(run, other, publisher) as separate_storm,
    ):
        for _ in range(run.sizes.rounds):
            await separate_storm.connect()
            separate.append((await _load_during(live, separate_storm)).live)
            await separate_storm.disconnect()
            await storm.connect()
            before.append(await live.load(WEBSOCKET, *fixed_rate))
            result = await _load_during(live, storm)
            after.append(await live.load(WEBSOCKET, *fixed_rate))
            await storm.disconnect()
            during.append(result.live)
            seconds.append(result.seconds)
            costs.append(result.live.cpu / (result.live.delivered + result.received) * 1e6)
    return {
        "seconds": median(seconds),
        "CPU µs each": median(costs),
        _BEFORE: median_of(before, "p99"),
        _SEPARATE: median_of(separate, "p99"),
        _DURING: median_of(during, "p99"),
        _AFTER: median_of(after, "p99"),
    }


@asynccontextmanager
async def _storm(run: Run, hub: Server, publisher: Session) -> AsyncIterator[_Storm]:
    """Publish what the storm will have missed, and open the session of its clients."""
    sizes = run.sizes
    await publisher.load(WEBSOCKET, ("rate", _RATE), ("seconds", 0.5))
    position = await newest(hub)
    await publisher.load(BATCHES, ("max_updates", sizes.storm_missed), ("seconds", 30))
    async with open_session(hub) as clients:
        yield _Storm(hub, clients, position, sizes.storm_watchers, sizes.storm_missed)


@dataclass(frozen=True, slots=True)
class _StormResult:
    """The live watchers' load during a storm, and what the storm received, live updates included."""

    live: LoadResult
    seconds: float
    received: int


async def _load_during(live: Session, storm: _Storm) -> _StormResult:
    """Load the live watchers for as long as the storm, already connected, takes to catch up."""
    load = asyncio.create_task(live.load(WEBSOCKET, ("rate", _RATE), ("seconds", _TIMEOUT_S)))
    try:
        seconds, received = await storm.resume()
        await live.stop_load()
        return _StormResult(await load, seconds, received)
    finally:
        load.cancel()
