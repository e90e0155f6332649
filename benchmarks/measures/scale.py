"""The cost of a delivery by the number of watchers, and beside channels that are watched and idle."""

import asyncio
from dataclasses import dataclass

from benchmarks.backend import Backend
from benchmarks.channels import create_idle_channels
from benchmarks.generator.driver import Field
from benchmarks.hub_protocol import websocket
from benchmarks.run import Run, median_of
from benchmarks.server import BATCHES, WEBSOCKET
from benchmarks.session import OTHERS, LoadResult, Session, open_session
from benchmarks.table import Figures, RelativeTarget, Report

NAME = "scale"
# Updates published and not yet delivered, for every number of watchers: a thousand of them at ten thousand watchers
# would fill the machine's memory.
_BACKLOG = 100
_MAX_CALM_DELIVERIES = 20_000  # Per second.
_CHANNELS_PER_CONNECTION = 100
_BUSY, _CALM = "busy, CPU µs each", "calm, CPU µs each"
_BUSY_NET, _CALM_NET = "busy without publishing", "calm without publishing"


@dataclass(frozen=True, slots=True)
class _PublishCost:
    """Seconds of CPU per update without watchers."""

    busy: float
    calm: float


async def measure(run: Run) -> Report:
    """The CPU of one delivery at each number of watchers, and for the usual number beside idle channels."""
    rows: dict[str, Figures] = {}
    targets: list[RelativeTarget] = []
    few, *_, many = run.sizes.scale
    usual = min(run.sizes.watchers, many)
    for backend in run.backends:
        name = backend.hub_name
        async with backend.hub() as hub, open_session(hub) as session:
            publishing = await _publish_cost(run, session)
            for watchers in run.sizes.scale:
                await session.connect(watchers)
                rows[_case(name, watchers)] = await _costs(run, session, watchers, publishing)
                if watchers == usual:
                    count = await _watch_idle_channels(run, backend, session)
                    beside_idle = f"{_case(name, watchers)}, {count:,} idle channels"
                    rows[beside_idle] = await _costs(run, session, watchers, publishing)
                    await session.disconnect(OTHERS)
                await session.disconnect()
        large, middle, small = (rows[_case(name, watchers)] for watchers in (many, usual, few))
        for column in (_BUSY, _CALM):
            targets.append(
                RelativeTarget(f"{name}, {column}, at {many:,}", large[column], small[column], 1.3, f"that at {few:,}")
            )
            idle = rows[beside_idle][column]
            subject = f"{name}, {column}, beside idle channels"
            targets.append(RelativeTarget(subject, idle, middle[column], 1.3, "that without them"))
        if many > usual:
            subject = f"{name}, {_CALM_NET}, at {many:,}"
            targets.append(RelativeTarget(subject, large[_CALM_NET], middle[_CALM_NET], 1.3, f"that at {usual:,}"))
    return Report(
        NAME,
        "Cost by number of watchers",
        "Lower is better, and the same in every row is the aim. Busy is batches of 100 with at most "
        f"{_BACKLOG} updates published and not yet delivered; calm is by websocket at 10 updates per second, fewer for "
        "the largest number of watchers. With few watchers, publishing is a large part of the cost; `without "
        "publishing` subtracts what an update costs without watchers. An idle channel is watched and never published "
        "to.",
        rows,
        targets,
    )


def _case(name: str, watchers: int) -> str:
    return f"{name}, {watchers:,} watchers"


async def _publish_cost(run: Run, session: Session) -> _PublishCost:
    await session.load(BATCHES, ("seconds", 0.3))
    busy, calm = await _busy(run, session), await _calm(run, session, 10.0)
    return _PublishCost(busy.cpu / busy.published, calm.cpu / calm.published)


async def _costs(run: Run, session: Session, watchers: int, publishing: _PublishCost) -> Figures:
    rate = min(10.0, _MAX_CALM_DELIVERIES / watchers)
    await session.load(BATCHES, ("seconds", 0.3), ("backlog", _BACKLOG), ("max_updates", 1000))
    busy = [await _busy(run, session) for _ in range(min(2, run.sizes.rounds))]
    calm = await _calm(run, session, rate)
    busy_cost = median_of(busy, "cpu_each")
    return {
        "deliveries/s": median_of(busy, "rate"),
        _BUSY: busy_cost,
        _BUSY_NET: busy_cost - publishing.busy / watchers * 1e6,
        _CALM: calm.cpu_each,
        _CALM_NET: calm.cpu_each - publishing.calm / watchers * 1e6,
        "calm p99 ms": calm.p99,
        "idle, CPU ms per second": await _idle(session, min(1.0, run.sizes.calm_seconds)),
    }


async def _idle(session: Session, seconds: float) -> float:
    meter = session.server.meter
    await meter.wait_until_idle(within=seconds)
    before = meter.cpu()
    await asyncio.sleep(seconds)
    return (meter.cpu() - before) / seconds * 1e3


async def _busy(run: Run, session: Session) -> LoadResult:
    sizes = (("seconds", run.sizes.busy_seconds), ("max_updates", run.sizes.busy_updates))
    return await session.load(BATCHES, *sizes, ("backlog", _BACKLOG))


async def _calm(run: Run, session: Session, rate: float) -> LoadResult:
    return await session.load(WEBSOCKET, ("rate", rate), ("seconds", run.sizes.calm_seconds))


async def _watch_idle_channels(run: Run, backend: Backend, session: Session) -> int:
    """Subscribe once to each idle channel; return the number of channels."""
    connections = max(1, run.sizes.idle_channels // _CHANNELS_PER_CONNECTION)
    await create_idle_channels(backend.database_url, connections, _CHANNELS_PER_CONNECTION)
    subscriptions: list[Field] = [
        ("first", f'{{"type":"subscribe","channel":"idle-{{i}}-{index}"}}') for index in range(_CHANNELS_PER_CONNECTION)
    ]
    protocol = (*websocket(None), ("ready", '"type":"subscribed"'), ("ready_times", _CHANNELS_PER_CONNECTION))
    # Each connection subscribes to a hundred channels at once, and each of these is a query.
    subscriptions.append(("max_connecting", 5))
    await session.connect(connections, *subscriptions, group=OTHERS, timed=False, protocol=protocol)
    return connections * _CHANNELS_PER_CONNECTION
