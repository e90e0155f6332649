"""Fan-out at full speed: updates are published as fast as the server accepts them, and every watcher receives all."""

from benchmarks.run import Run, median_of
from benchmarks.server import BATCHES, REQUESTS, WEBSOCKET
from benchmarks.table import Figures, RelativeTarget, Report

NAME = "fanout"
_MODES = (WEBSOCKET, BATCHES, REQUESTS)
_PEERS = ("nats-server", "nchan", "ws", "socket.io")


async def measure(run: Run) -> Report:
    """Deliveries per second and the CPU of one, for each publish mode; single requests beside nchan alone."""
    sizes = (("seconds", run.sizes.busy_seconds), ("max_updates", run.sizes.busy_updates))
    async with run.sessions(*_PEERS, watchers=run.sizes.watchers) as sessions:
        results = await run.interleave(sessions, (WEBSOCKET, BATCHES), *sizes)
    # On two cores a delivery has two prices in nchan, depending on whether its watchers sleep when it writes. It has
    # the other one while all peers run, so single requests are measured with nchan and the hubs alone, in more rounds.
    async with run.sessions("nchan", watchers=run.sizes.watchers) as sessions:
        results |= await run.interleave(sessions, (REQUESTS,), *sizes, rounds=2 * run.sizes.rounds - 1)
    cost = {key: median_of(rounds, "cpu_each") for key, rounds in results.items()}
    rows: dict[str, Figures] = {}
    for (name, mode), rounds in sorted(results.items(), key=lambda each: _MODES.index(each[0][1])):
        figures = {"deliveries/s": median_of(rounds, "rate"), "CPU µs each": cost[name, mode]}
        same_kind = REQUESTS if mode == REQUESTS else WEBSOCKET
        for peer, peer_mode in (("nats-server", WEBSOCKET), ("nchan", same_kind), ("socket.io", same_kind)):
            if (peer, peer_mode) in cost:
                figures[f"× {peer}"] = cost[name, mode] / cost[peer, peer_mode]
        if any(each.dependency_cpu for each in rounds):
            figures["database CPU µs each"] = sorted(each.dependency_cpu_each for each in rounds)[len(rounds) // 2]
        rows[f"{name}, {mode}"] = figures
    return Report(
        NAME,
        f"Fan-out at full speed, {run.sizes.watchers} websocket watchers of one channel",
        "Lower CPU and more deliveries per second are better. A delivery is one update at one watcher. Its CPU is the "
        "server's CPU divided by the deliveries, publishing included, and `×` is that cost divided by the peer's: "
        "single requests are compared with single requests, the other modes with the peer's websocket. Single requests "
        "are measured with the hubs and nchan alone, in more rounds.",
        rows,
        _targets(run, cost),
    )


def _targets(run: Run, cost: dict[tuple[str, str], float]) -> list[RelativeTarget]:
    targets = []
    for name in run.hub_names:
        for mode in (WEBSOCKET, BATCHES):
            for peer, at_most in (("nats-server", 1.0), ("nchan", 0.1), ("socket.io", 0.1)):
                reference = cost.get((peer, WEBSOCKET))
                subject = f"{name}, {mode}"
                targets.append(RelativeTarget(subject, cost[name, mode], reference, at_most, f"{peer} by {WEBSOCKET}"))
        reference = cost.get(("nchan", REQUESTS))
        targets.append(
            RelativeTarget(f"{name}, {REQUESTS}", cost[name, REQUESTS], reference, 0.2, f"nchan by {REQUESTS}")
        )
    return targets
