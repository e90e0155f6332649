"""One worker and two, joined by Redis: what a second worker adds.

The rate is fixed so that both cores have time left. At full speed the load, the databases and the second worker would
compete with the first for the cores, and the measure would show which of them got the cores. At this rate every write
carries one batch in both cases, so a difference in cost is the cost of two workers.
"""

from dataclasses import dataclass
from statistics import median

from benchmarks.backend import Backend
from benchmarks.meter import Meter
from benchmarks.run import Run
from benchmarks.server import BATCHES
from benchmarks.session import open_session
from benchmarks.table import AbsoluteTarget, Figures, Report

NAME = "workers"
_MIN_GAIN = 1.7
_WATCHERS = 3  # Times the usual number: the workers share delivering, not publishing.
_DELIVERIES = 2_400_000  # Per second, in batches of 100.
# A worker that wakes accepts every waiting connection: if all connected at once, one worker would get most of them.
_FEW_CONNECTING = ("max_connecting", 4)
_PUBLISHERS = 8  # They alternate, so that both workers have some.
_PER_CPU = "deliveries per CPU second of the busiest"


@dataclass(frozen=True, slots=True)
class _Round:
    per_cpu_second: float
    cpu_each: float
    largest_share: float  # Percentage of all watchers at the worker that has most of them.
    p99: float


async def measure(run: Run) -> Report:
    """The deliveries per second of the busiest worker's CPU, with one worker and with two."""
    watchers = _WATCHERS * run.sizes.watchers
    rows: dict[str, Figures] = {}
    targets: list[AbsoluteTarget] = []
    for backend in [each for each in run.backends if each.name == "postgres"]:
        results: dict[int, list[_Round]] = {1: [], 2: []}
        for _ in range(run.sizes.rounds):
            for workers, rounds in results.items():
                rounds.append(await _round(run, backend, workers, watchers))
        for workers, rounds in results.items():
            rows[f"{backend.hub_name}, {workers} worker{'s' * (workers > 1)}"] = {
                _PER_CPU: median(each.per_cpu_second for each in rounds),
                "CPU µs each": median(each.cpu_each for each in rounds),
                "watchers at the largest, %": median(each.largest_share for each in rounds),
                "p99 ms": median(each.p99 for each in rounds),
            }
        one, two = (figures[_PER_CPU] for figures in rows.values())
        subject = "Two workers, deliveries per CPU second of the busiest"
        targets.append(AbsoluteTarget(subject, two / one, "× one worker", at_least=_MIN_GAIN))
    return Report(
        NAME,
        f"Several workers, {watchers:,} watchers, batches of 100 at a fixed rate",
        "Higher is better: deliveries per second of the busiest worker's CPU, which is the limit where each worker has "
        "a core. CPU each is that of all workers together, and the same in both rows is the aim. The kernel decides "
        "which worker accepts a connection, and the worker with most watchers is the busiest.",
        rows,
        targets,
        [] if rows else ["Workers need PostgreSQL and Redis, which this run does not include."],
    )


async def _round(run: Run, backend: Backend, workers: int, watchers: int) -> _Round:
    rate = ("rate", max(1.0, _DELIVERIES / watchers / 100))
    async with backend.hub(TIDEWIRE_WORKERS=str(workers)) as hub:
        await hub.meter.wait_until_idle()  # The first worker that is ready responds; the others may still start.
        meters = [Meter(pid) for pid in hub.meter.pids()]
        idle = [meter.sockets() for meter in meters]
        async with open_session(hub) as session:
            await session.connect(watchers, _FEW_CONNECTING)
            counts = [meter.sockets() - own for meter, own in zip(meters, idle, strict=True)]
            await session.load(BATCHES, rate, ("seconds", 0.5), publishers=_PUBLISHERS)
            before = [meter.process_cpu() for meter in meters]
            result = await session.load(BATCHES, rate, ("seconds", run.sizes.calm_seconds), publishers=_PUBLISHERS)
            busiest = max(meter.process_cpu() - start for meter, start in zip(meters, before, strict=True))
            return _Round(result.delivered / busiest, result.cpu_each, max(counts) / watchers * 100, result.p99)
