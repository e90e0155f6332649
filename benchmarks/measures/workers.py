"""One worker and two, joined by Redis: what a second one gives."""

from statistics import median

from benchmarks.arena import Arena
from benchmarks.contestant import BATCHES
from benchmarks.meter import Meter
from benchmarks.place import Ground
from benchmarks.sitting import sitting
from benchmarks.table import Figures, Found, Limit

NAME = "workers"
_LEAST = 1.7


async def measure(arena: Arena) -> Found:
    """Deliveries a second on the clock, and for each second of the busiest worker's CPU."""
    rows: dict[str, Figures] = {}
    due: list[Limit] = []
    for ground in [each for each in arena.grounds if each.name == "postgres"]:
        ran: dict[int, list[tuple[float, float, float]]] = {1: [], 2: []}
        for _ in range(arena.sizes.rounds):
            for workers, turns in ran.items():
                turns.append(await _turn(arena, ground, workers))
        for workers, turns in ran.items():
            rate, busiest, cost = (median(figures) for figures in zip(*turns, strict=True))
            rows[f"{ground.hub_name}, {workers} worker{'s' * (workers > 1)}"] = {
                "deliveries/s": rate,
                "deliveries per CPU second of the busiest": busiest,
                "CPU µs each": cost,
            }
        one, two = (figures["deliveries per CPU second of the busiest"] for figures in rows.values())
        due.append(Limit("Two workers, by the busiest one's CPU", two / one, "× one", least=_LEAST))
    return Found(
        NAME,
        f"Many workers, {arena.sizes.watchers} watchers, batches of 100",
        "Higher is better. The load, PostgreSQL and Redis need the same cores, so the clock cannot show what two "
        "workers reach on cores of their own; what is delivered for each second of the busiest worker's CPU can, for "
        "that is what is used up first.",
        rows,
        due,
        [] if rows else ["Workers share a log by PostgreSQL and Redis, which was not asked for."],
    )


async def _turn(arena: Arena, ground: Ground, workers: int) -> tuple[float, float, float]:
    async with ground.hub(TIDEWIRE_WORKERS=str(workers)) as hub:
        await hub.meter.settle()  # The first that is ready answers for all: the others may still be starting.
        async with sitting(hub, arena.sizes.watchers) as sits:
            await sits.run(BATCHES, ("seconds", 0.3), ("most", arena.sizes.busy_updates))
            meters = [Meter(pid) for pid in hub.meter.family()]
            before = [meter.own_cpu() for meter in meters]
            ran = await sits.run(BATCHES, ("seconds", arena.sizes.busy_seconds), ("most", arena.sizes.busy_updates))
            busiest = max(meter.own_cpu() - was for meter, was in zip(meters, before, strict=True))
            return ran.rate, ran.delivered / busiest, ran.each
