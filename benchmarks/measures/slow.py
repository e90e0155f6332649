"""A watcher that reads 1 kB/s: its effect on the other watchers' delay, and the memory that the hub holds for it."""

from statistics import median

from benchmarks.backend import Backend
from benchmarks.hub_protocol import websocket
from benchmarks.position import Position, newest
from benchmarks.run import Run
from benchmarks.server import BATCHES, WEBSOCKET
from benchmarks.session import OTHERS, LoadResult, Session, open_session
from benchmarks.table import AbsoluteTarget, Figures, RelativeTarget, Report

NAME = "slow"
_BYTES_PER_SECOND = 1000
_RATE = 20
_MAX_KB = 512.0


async def measure(run: Run) -> Report:
    """The fast watchers' 99th percentile with and without a slow one, and the memory per slow watcher."""
    rows: dict[str, Figures] = {}
    targets: list[RelativeTarget | AbsoluteTarget] = []
    for backend in run.backends:
        name = backend.hub_name
        rows[name] = await _one_hub(run, backend)
        with_slow, without = rows[name]["p99 ms with"], rows[name]["p99 ms without"]
        targets.append(RelativeTarget(f"{name}, p99 of the fast ones", with_slow, without, 1.1, "that without"))
        held = rows[name]["kB per slow watcher"]
        targets.append(AbsoluteTarget(f"{name}, memory per slow watcher", held, "kB", at_most=_MAX_KB))
    return Report(
        NAME,
        f"A watcher that reads {_BYTES_PER_SECOND / 1000:g} kB/s among {run.sizes.watchers - 1} fast ones",
        f"Lower is better: publish to receive of the fast watchers at {_RATE} updates per second, alternately with and "
        "without a slow watcher that is megabytes behind; and the growth of the hub's resident memory per slow watcher "
        f"after {run.sizes.slow_watchers} of them connected and a burst was published.",
        rows,
        targets,
    )


async def _one_hub(run: Run, backend: Backend) -> Figures:
    sizes = run.sizes
    burst = (("seconds", 10), ("max_updates", sizes.busy_updates))
    async with backend.hub() as hub, open_session(hub, 10) as session:
        await session.load(BATCHES, *burst)  # The memory that a busy hub holds without slow watchers.
        await hub.meter.wait_until_idle()
        resident = hub.meter.memory()
        begin = await newest(hub)
        await session.generator.command("mark")
        slow = (("slow", _BYTES_PER_SECOND), ("live", 1))
        await session.connect(sizes.slow_watchers, *slow, group=OTHERS, timed=False, protocol=hub.watch)
        await session.load(BATCHES, *burst)
        await hub.meter.wait_until_idle(within=3)
        held = (hub.meter.memory() - resident) / sizes.slow_watchers / 1000
        await session.disconnect(OTHERS)
        await session.disconnect()
        await session.connect(sizes.watchers - 1)
        await _load(run, session)
        with_slow: list[LoadResult] = []
        without: list[LoadResult] = []
        # The target is a tenth: few rounds can't show it, nor can rounds in which one side is always the first.
        for number in range(3 * sizes.rounds):
            for has_slow in (number % 2 == 1, number % 2 == 0):
                if has_slow:
                    await _connect_slow(session, begin)
                await hub.meter.wait_until_idle(within=3)
                (with_slow if has_slow else without).append(await _load(run, session))
                if has_slow:
                    await session.disconnect(OTHERS)
        return {
            "p99 ms without": median(each.p99 for each in without),
            "p99 ms with": median(each.p99 for each in with_slow),
            "CPU µs each without": median(each.cpu_each for each in without),
            "CPU µs each with": median(each.cpu_each for each in with_slow),
            "kB per slow watcher": held,
        }


async def _load(run: Run, session: Session) -> LoadResult:
    return await session.load(WEBSOCKET, ("rate", _RATE), ("seconds", run.sizes.calm_seconds))


async def _connect_slow(session: Session, begin: Position) -> None:
    """Connect a slow watcher that resumes from the mark: it is behind once all buffers before it are full."""
    protocol = (*websocket(session.server.token), ("ready", '"type":"welcome"'))
    await session.connect(1, ("slow", _BYTES_PER_SECOND), group=OTHERS, timed=False, protocol=protocol)
    await session.generator.command("send", [("group", OTHERS), ("text", begin.subscription()), ("from_mark", 1)])
