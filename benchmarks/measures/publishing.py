"""Publishing without watchers: the cost of one durable publish, from the request to its acknowledgement."""

from benchmarks.peers import hypercorn
from benchmarks.run import Run, median_of
from benchmarks.server import BATCHES, FULL_FRAMES, REQUESTS, WEBSOCKET
from benchmarks.table import Figures, RelativeTarget, Report

NAME = "publish"
_CASES: tuple[tuple[str, str, int | None], ...] = (
    ("1 connection, single requests", REQUESTS, 1),
    ("16 connections, single requests", REQUESTS, None),
    ("1 connection, websocket", WEBSOCKET, None),
    ("1 connection, websocket, 10 per frame", FULL_FRAMES, None),
    ("2 connections, batches of 100", BATCHES, None),
)
# Relative to hypercorn alone: the targets were 400 µs where it took 230, and 60 µs where it took 14.
_MAX_RATIOS = {"16 connections, single requests": 1.74, "1 connection, websocket": 4.29}


async def measure(run: Run) -> Report:
    """Publishes per second, and the CPU of one."""
    rows: dict[str, Figures] = {}
    costs: dict[tuple[str, str], float] = {}
    async with run.sessions("nchan", hypercorn.NAME, watchers=0) as sessions:
        for case, mode, publishers in _CASES:
            for name, session in sessions.items():
                if mode not in session.server.modes or (name == "nchan" and mode == WEBSOCKET):
                    continue  # nchan does not acknowledge a publish by websocket, so there is nothing to wait for.
                await session.load(mode, ("seconds", 0.3), publishers=publishers)
                results = [
                    await session.load(mode, ("seconds", run.sizes.busy_seconds), publishers=publishers)
                    for _ in range(run.sizes.rounds)
                ]
                costs[name, case] = median_of(results, "cpu_each")
                rows[f"{name}, {case}"] = {"publishes/s": median_of(results, "rate"), "CPU µs each": costs[name, case]}
                if session.server.dependencies:
                    rows[f"{name}, {case}"]["database CPU µs each"] = results[-1].dependency_cpu_each
    return Report(
        NAME,
        "Publishing without watchers",
        "Lower CPU and more publishes per second are better: the server's own CPU per acknowledged publish. The hub "
        "acknowledges after the commit; nchan stores in memory, and hypercorn alone stores nothing.",
        rows,
        [
            RelativeTarget(
                f"{name}, {case}", costs[name, case], costs.get((hypercorn.NAME, case)), at_most, hypercorn.NAME
            )
            for name in run.hub_names
            for case, at_most in _MAX_RATIOS.items()
        ],
    )
