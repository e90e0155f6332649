"""One worker and two, joined by Redis: what a second one gives.

At a pace that leaves both cores time: at full speed the load, the databases and the second worker would take them from
the first, and what is measured is who got them. Every write carries one batch then, whoever makes it, and what the two
cost differs by what two of them cost.
"""

from dataclasses import dataclass
from statistics import median

from benchmarks.arena import Arena
from benchmarks.contestant import BATCHES
from benchmarks.meter import Meter
from benchmarks.place import Ground
from benchmarks.sitting import sitting
from benchmarks.table import Figures, Found, Limit

NAME = "workers"
_LEAST = 1.7
_CROWD = 3  # Times the usual one: handing out is what is to be shared, not the publishing.
_DELIVERIES = 2_400_000  # A second, in batches of 100.
_FEW = ("at_once", 4)  # A worker that wakes takes all who stand at the door: of a crowd, one would get most.
_CALLERS = 8  # Publishers, in turn, so that both workers have some.
_PER_CPU = "deliveries per CPU second of the busiest"


@dataclass(frozen=True, slots=True)
class _Turn:
    per_cpu_second: float
    each: float
    fullest: float  # Of all watchers, those at the worker that has most of them; percent.
    p99: float


async def measure(arena: Arena) -> Found:
    """What is delivered for each second of the busiest worker's CPU."""
    watchers = _CROWD * arena.sizes.watchers
    rows: dict[str, Figures] = {}
    due: list[Limit] = []
    for ground in [each for each in arena.grounds if each.name == "postgres"]:
        ran: dict[int, list[_Turn]] = {1: [], 2: []}
        for _ in range(arena.sizes.rounds):
            for workers, turns in ran.items():
                turns.append(await _turn(arena, ground, workers, watchers))
        for workers, turns in ran.items():
            rows[f"{ground.hub_name}, {workers} worker{'s' * (workers > 1)}"] = {
                _PER_CPU: median(turn.per_cpu_second for turn in turns),
                "CPU µs each": median(turn.each for turn in turns),
                "watchers at the fullest, %": median(turn.fullest for turn in turns),
                "p99 ms": median(turn.p99 for turn in turns),
            }
        one, two = (figures[_PER_CPU] for figures in rows.values())
        due.append(Limit("Two workers, by the busiest one's CPU", two / one, "× one", least=_LEAST))
    return Found(
        NAME,
        f"Many workers, {watchers:,} watchers, batches of 100 at a pace",
        "Deliveries for a second of the busiest worker's CPU, higher is better: that is what is used up first where "
        "each worker has a core. CPU each is that of all workers together, and the same in both rows is what is "
        "wanted. The kernel decides who accepts a connection, and the fullest worker is the busiest.",
        rows,
        due,
        [] if rows else ["Workers share a log by PostgreSQL and Redis, which was not asked for."],
    )


async def _turn(arena: Arena, ground: Ground, workers: int, watchers: int) -> _Turn:
    paced = ("rate", max(1.0, _DELIVERIES / watchers / 100))
    async with ground.hub(TIDEWIRE_WORKERS=str(workers)) as hub:
        await hub.meter.settle()  # The first that is ready answers for all: the others may still be starting.
        meters = [Meter(pid) for pid in hub.meter.family()]
        idle = [meter.sockets() for meter in meters]
        async with sitting(hub) as sits:
            await sits.watch(watchers, _FEW)
            counts = [meter.sockets() - own for meter, own in zip(meters, idle, strict=True)]
            await sits.run(BATCHES, paced, ("seconds", 0.5), callers=_CALLERS)
            before = [meter.own_cpu() for meter in meters]
            ran = await sits.run(BATCHES, paced, ("seconds", arena.sizes.calm_seconds), callers=_CALLERS)
            busiest = max(meter.own_cpu() - was for meter, was in zip(meters, before, strict=True))
            return _Turn(ran.delivered / busiest, ran.each, max(counts) / watchers * 100, ran.p99)
