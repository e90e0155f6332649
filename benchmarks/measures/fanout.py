"""Fan-out at full speed: what is published as fast as it is taken reaches every watcher, whole."""

from benchmarks.arena import Arena, middle
from benchmarks.contestant import BATCHES, REQUESTS, WEBSOCKET
from benchmarks.table import Bound, Figures, Found

NAME = "fanout"
_WAYS = (WEBSOCKET, BATCHES, REQUESTS)
_PEERS = ("nats-server", "nchan", "ws", "socket.io")


async def measure(arena: Arena) -> Found:
    """Deliveries a second, and what one costs, for each way to publish; by single requests beside nchan alone."""
    sizes = (("seconds", arena.sizes.busy_seconds), ("most", arena.sizes.busy_updates))
    async with arena.everyone(*_PEERS, watchers=arena.sizes.watchers) as sittings:
        ran = await arena.in_turn(sittings, (WEBSOCKET, BATCHES), *sizes)
    # On two cores nchan has two prices, by whether its watchers sleep when it writes, and the one among everybody's
    # clients is not the one alone. So it is alone with our hubs here, and has more turns.
    async with arena.everyone("nchan", watchers=arena.sizes.watchers) as sittings:
        ran |= await arena.in_turn(sittings, (REQUESTS,), *sizes, rounds=2 * arena.sizes.rounds - 1)
    cost = {key: middle(turns, "each") for key, turns in ran.items()}
    rows: dict[str, Figures] = {}
    for (name, way), turns in sorted(ran.items(), key=lambda each: _WAYS.index(each[0][1])):
        figures = {"deliveries/s": middle(turns, "rate"), "CPU µs each": cost[name, way]}
        for peer, other in (("nats-server", WEBSOCKET), ("nchan", _against(way)), ("socket.io", _against(way))):
            if (peer, other) in cost:
                figures[f"× {peer}"] = cost[name, way] / cost[peer, other]
        if any(each.beside for each in turns):
            figures["its database, µs each"] = sorted(each.beside_each() for each in turns)[len(turns) // 2]
        rows[f"{name}, {way}"] = figures
    due = []
    for ours in arena.ours:
        for way in (WEBSOCKET, BATCHES):
            for peer, most in (("nats-server", 1.0), ("nchan", 0.1), ("socket.io", 0.1)):
                theirs = cost.get((peer, WEBSOCKET))
                due.append(Bound(f"{ours}, {way}", cost[ours, way], theirs, most, f"{peer} by {WEBSOCKET}"))
        theirs = cost.get(("nchan", REQUESTS))
        due.append(Bound(f"{ours}, {REQUESTS}", cost[ours, REQUESTS], theirs, 0.2, f"nchan by {REQUESTS}"))
    return Found(
        NAME,
        f"Fan-out at full speed, {arena.sizes.watchers} websocket watchers of one channel",
        "CPU lower, deliveries/s higher is better. A delivery is one update at one watcher; its CPU is all that the "
        "server used, publishing included, and `×` is that cost in the peer's (by single requests against single "
        "requests, else against its websocket). By single requests our hubs run beside nchan alone, in more turns.",
        rows,
        due,
    )


def _against(way: str) -> str:
    return REQUESTS if way == REQUESTS else WEBSOCKET
