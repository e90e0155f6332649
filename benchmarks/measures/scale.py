"""How the cost of a delivery changes with the number of watchers, and with channels that are watched and idle."""

import asyncio
from dataclasses import dataclass

from benchmarks.arena import Arena, middle
from benchmarks.channels import idle_channels
from benchmarks.contestant import BATCHES, WEBSOCKET
from benchmarks.generator.driver import Field
from benchmarks.hub import connected
from benchmarks.place import Ground
from benchmarks.sitting import OTHERS, Ran, Sitting, sitting
from benchmarks.table import Bound, Figures, Found

NAME = "scale"
_LAG = (
    100  # Updates on their way, for every crowd: a thousand to ten thousand watchers would fill the machine's memory.
)
_CALM_DELIVERIES = 20_000  # A second at most.
_EACH = 100  # Idle channels that one connection watches.
_BUSY, _CALM = "busy, CPU µs each", "calm, CPU µs each"
_BUSY_LESS, _CALM_LESS = "busy less publishing", "calm less publishing"


@dataclass(frozen=True, slots=True)
class _Alone:
    """Seconds of CPU that an update costs while nobody watches."""

    busy: float
    calm: float


async def measure(arena: Arena) -> Found:
    """The CPU of one delivery for growing crowds, and for the middle one beside idle channels."""
    rows: dict[str, Figures] = {}
    due: list[Bound] = []
    few, *_, many = arena.sizes.scale
    usual = min(arena.sizes.watchers, many)
    for ground in arena.grounds:
        name = ground.hub_name
        async with ground.hub() as hub, sitting(hub) as sits:
            alone = await _alone(arena, sits)
            for watchers in arena.sizes.scale:
                await sits.watch(watchers)
                rows[_case(name, watchers)] = await _costs(arena, sits, watchers, alone)
                if watchers == usual:
                    count = await _watch_idle_channels(arena, ground, sits)
                    beside = f"{_case(name, watchers)}, {count:,} idle channels beside"
                    rows[beside] = await _costs(arena, sits, watchers, alone)
                    await sits.leave(OTHERS)
                await sits.leave()
        large, middling, small = (rows[_case(name, watchers)] for watchers in (many, usual, few))
        for column in (_BUSY, _CALM):
            due.append(Bound(f"{name}, {column} of {many:,}", large[column], small[column], 1.3, f"that of {few:,}"))
            idle = rows[beside][column]
            due.append(Bound(f"{name}, {column} beside idle channels", idle, middling[column], 1.3, "that alone"))
        if many > usual:
            more, less = large[_CALM_LESS], middling[_CALM_LESS]
            due.append(Bound(f"{name}, {_CALM_LESS} of {many:,}", more, less, 1.3, f"that of {usual:,}"))
    return Found(
        NAME,
        "Cost by the size of the crowd",
        f"Lower is better, and the same in every row is what is wanted: busy is batches of 100 with {_LAG} updates on "
        "their way at most, calm is by websocket at 10 updates a second, fewer to the largest crowd. What publishing "
        "costs while nobody watches is a large part of a small crowd's cost; `less publishing` is without it. An idle "
        "channel is one that is watched and never published to.",
        rows,
        due,
    )


def _case(name: str, watchers: int) -> str:
    return f"{name}, {watchers:,} watchers"


async def _alone(arena: Arena, sits: Sitting) -> _Alone:
    await sits.run(BATCHES, ("seconds", 0.3))
    busy, calm = await _busy(arena, sits), await _calm(arena, sits, 10.0)
    return _Alone(busy.cpu / busy.published, calm.cpu / calm.published)


async def _costs(arena: Arena, sits: Sitting, watchers: int, alone: _Alone) -> Figures:
    rate = min(10.0, _CALM_DELIVERIES / watchers)
    await sits.run(BATCHES, ("seconds", 0.3), ("lag", _LAG), ("most", 1000))
    busy = [await _busy(arena, sits) for _ in range(min(2, arena.sizes.rounds))]
    calm = await _calm(arena, sits, rate)
    whole = middle(busy, "each")
    return {
        "deliveries/s": middle(busy, "rate"),
        _BUSY: whole,
        _BUSY_LESS: whole - alone.busy / watchers * 1e6,
        _CALM: calm.each,
        _CALM_LESS: calm.each - alone.calm / watchers * 1e6,
        "calm p99 ms": calm.p99,
        "idle, CPU ms a second": await _idle(sits, min(1.0, arena.sizes.calm_seconds)),
    }


async def _idle(sits: Sitting, seconds: float) -> float:
    meter = sits.contestant.meter
    await meter.settle(within=seconds)
    before = meter.cpu()
    await asyncio.sleep(seconds)
    return (meter.cpu() - before) / seconds * 1e3


async def _busy(arena: Arena, sits: Sitting) -> Ran:
    sizes = (("seconds", arena.sizes.busy_seconds), ("most", arena.sizes.busy_updates))
    return await sits.run(BATCHES, *sizes, ("lag", _LAG))


async def _calm(arena: Arena, sits: Sitting, rate: float) -> Ran:
    return await sits.run(WEBSOCKET, ("rate", rate), ("seconds", arena.sizes.calm_seconds))


async def _watch_idle_channels(arena: Arena, ground: Ground, sits: Sitting) -> int:
    """So many channels are watched now, each by one subscription."""
    connections = max(1, arena.sizes.idle_channels // _EACH)
    await idle_channels(ground.database_url, connections, _EACH)
    subscriptions: list[Field] = [
        ("first", f'{{"type":"subscribe","channel":"idle-{{i}}-{index}"}}') for index in range(_EACH)
    ]
    how = (*connected(None), ("ready", '"type":"subscribed"'), ("ready_times", _EACH))
    # Each asks for a hundred channels in one breath, and each of those is a look into the database.
    subscriptions.append(("at_once", 5))
    await sits.watch(connections, *subscriptions, group=OTHERS, timed=False, how=how)
    return connections * _EACH
