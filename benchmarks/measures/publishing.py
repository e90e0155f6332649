"""Publishing while nobody watches: what one durable publish costs from the socket to the commit and back."""

from benchmarks.arena import Arena, middle
from benchmarks.contestant import BATCHES, FULL_FRAMES, REQUESTS, WEBSOCKET
from benchmarks.peers import hypercorn
from benchmarks.table import Bound, Figures, Found

NAME = "publish"
_CASES: tuple[tuple[str, str, int | None], ...] = (
    ("1 connection, single requests", REQUESTS, 1),
    ("16 connections, single requests", REQUESTS, None),
    ("1 connection, websocket", WEBSOCKET, None),
    ("1 connection, websocket, 10 a frame", FULL_FRAMES, None),
    ("2 connections, batches of 100", BATCHES, None),
)
# In what hypercorn alone costs: 400 µs were due where that took 230, and 60 where it took 14.
_MOST = {"16 connections, single requests": 1.74, "1 connection, websocket": 4.29}


async def measure(arena: Arena) -> Found:
    """Publishes a second, and the CPU of one."""
    rows: dict[str, Figures] = {}
    costs: dict[tuple[str, str], float] = {}
    async with arena.everyone("nchan", hypercorn.NAME, watchers=0) as sittings:
        for case, way, callers in _CASES:
            for name, sits in sittings.items():
                if way not in sits.contestant.ways or (name == "nchan" and way == WEBSOCKET):
                    continue  # nchan's publishers over a websocket are not answered, so there is nothing to wait for.
                await sits.run(way, ("seconds", 0.3), callers=callers)
                turns = [
                    await sits.run(way, ("seconds", arena.sizes.busy_seconds), callers=callers)
                    for _ in range(arena.sizes.rounds)
                ]
                costs[name, case] = middle(turns, "each")
                rows[f"{name}, {case}"] = {"publishes/s": middle(turns, "rate"), "CPU µs each": costs[name, case]}
                if sits.contestant.beside:
                    rows[f"{name}, {case}"]["its database, µs each"] = turns[-1].beside_each()
    return Found(
        NAME,
        "Publishing, nobody watching",
        "CPU lower, publishes/s higher is better: the server's own CPU per answered publish. Ours is answered after "
        "its commit; nchan keeps it in memory, and hypercorn alone answers and keeps nothing.",
        rows,
        [
            Bound(f"{name}, {case}", costs[name, case], costs.get((hypercorn.NAME, case)), most, hypercorn.NAME)
            for name in arena.ours
            for case, most in _MOST.items()
        ],
    )
