"""Publish to receive: how long an update is on its way, and what it costs, when the server is not busy."""

from benchmarks.arena import Arena, middle
from benchmarks.contestant import WEBSOCKET
from benchmarks.sitting import Sitting
from benchmarks.table import Bound, Figures, Found

NAME = "delay"
_RATE = 10
_PEERS = ("ws", "nats-server", "nchan", "socket.io")


async def measure(arena: Arena) -> Found:
    """The median and the 99th percentile over every delivery, and the CPU of each."""
    paced = (("rate", _RATE), ("seconds", arena.sizes.calm_seconds))
    async with arena.everyone(*_PEERS, watchers=0) as sittings:
        commits = {name: await _commit(sittings[name]) for name in arena.ours}
        for each in sittings.values():
            await each.watch(arena.sizes.watchers)
        ran = await arena.in_turn(sittings, (WEBSOCKET,), *paced)
    rows: dict[str, Figures] = {}
    for (name, _), turns in ran.items():
        rows[name] = {
            "p50 ms": middle(turns, "p50"),
            "p99 ms": middle(turns, "p99"),
            "CPU µs each": middle(turns, "each"),
        }
        if name in commits:
            rows[name]["a commit, ms"] = commits[name]
        if ("ws", WEBSOCKET) in ran:
            rows[name]["CPU × ws"] = rows[name]["CPU µs each"] / middle(ran["ws", WEBSOCKET], "each")
    due = []
    theirs = rows.get("ws", {})
    for name in commits:
        due.append(Bound(f"{name}, CPU", rows[name]["CPU µs each"], theirs.get("CPU µs each"), 1.2, "ws"))
        later = rows[name]["p99 ms"] - commits[name]
        due.append(Bound(f"{name}, p99 less a commit", later, theirs.get("p99 ms"), 1.5, "ws"))
    return Found(
        NAME,
        f"Publish to receive at {_RATE} updates a second, {arena.sizes.watchers} websocket watchers",
        "Lower is better: from just before the publish is sent, by websocket, to an update's arrival at each watcher. "
        "The one client process reads the watchers one after the other, for every server alike. A commit is the median "
        "from a publish to its answer with nobody watching.",
        rows,
        due,
    )


async def _commit(sits: Sitting) -> float:
    """Milliseconds from a publish to its answer, while nobody watches."""
    await sits.run(WEBSOCKET, ("rate", 50), ("seconds", 0.3))
    return (await sits.run(WEBSOCKET, ("rate", 50), ("seconds", 0.8))).answer_p50
