"""Publish to receive at a low rate: the delay of an update and the CPU of its delivery."""

from benchmarks.run import Run, median_of
from benchmarks.server import WEBSOCKET
from benchmarks.session import Session
from benchmarks.table import Figures, RelativeTarget, Report

NAME = "delay"
_RATE = 10
_PEERS = ("ws", "nats-server", "nchan", "socket.io")


async def measure(run: Run) -> Report:
    """The median and the 99th percentile of the delay over all deliveries, and the CPU of one."""
    fixed_rate = (("rate", _RATE), ("seconds", run.sizes.calm_seconds))
    async with run.sessions(*_PEERS, watchers=0) as sessions:
        commits = {name: await _commit_ms(sessions[name]) for name in run.hub_names}
        for each in sessions.values():
            await each.connect(run.sizes.watchers)
        results = await run.interleave(sessions, (WEBSOCKET,), *fixed_rate)
    rows: dict[str, Figures] = {}
    for (name, _), rounds in results.items():
        rows[name] = {
            "p50 ms": median_of(rounds, "p50"),
            "p99 ms": median_of(rounds, "p99"),
            "CPU µs each": median_of(rounds, "cpu_each"),
        }
        if name in commits:
            rows[name]["commit ms"] = commits[name]
        if ("ws", WEBSOCKET) in results:
            rows[name]["CPU × ws"] = rows[name]["CPU µs each"] / median_of(results["ws", WEBSOCKET], "cpu_each")
    targets = []
    ws = rows.get("ws", {})
    for name in commits:
        targets.append(RelativeTarget(f"{name}, CPU", rows[name]["CPU µs each"], ws.get("CPU µs each"), 1.2, "ws"))
        delay = rows[name]["p99 ms"] - commits[name]
        targets.append(RelativeTarget(f"{name}, p99 without the commit", delay, ws.get("p99 ms"), 1.5, "ws"))
    return Report(
        NAME,
        f"Publish to receive at {_RATE} updates per second, {run.sizes.watchers} websocket watchers",
        "Lower is better. The delay begins just before the publish is sent, by websocket, and ends when a watcher has "
        "received the update. One client process reads all watchers, one after the other, for every server. `commit` "
        "is the median time from a publish to its acknowledgement without watchers.",
        rows,
        targets,
    )


async def _commit_ms(session: Session) -> float:
    """The median time from a publish to its acknowledgement without watchers."""
    await session.load(WEBSOCKET, ("rate", 50), ("seconds", 0.3))
    return (await session.load(WEBSOCKET, ("rate", 50), ("seconds", 0.8))).ack_p50
