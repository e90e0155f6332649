"""The memory of the server per idle watcher, and the CPU to connect one."""

from contextlib import AsyncExitStack

from benchmarks.failure import Failure
from benchmarks.peers import hypercorn
from benchmarks.run import PEERS, Run, log_progress
from benchmarks.server import Server
from benchmarks.session import open_session
from benchmarks.table import AbsoluteTarget, Figures, RelativeTarget, Report

NAME = "memory"
_FIRST_WATCHERS = 100
_PEERS = ("nchan", "ws", "socket.io", "nats-server", hypercorn.NAME)
_MAX_KB = 24.0
_MAX_CONNECT = 1.75  # Relative to hypercorn alone: the target was 350 µs where hypercorn alone took 200.
_CONNECT_CPU = "CPU µs to connect one"


async def measure(run: Run) -> Report:
    """Kilobytes per watcher at a fifth of the watchers and at all of them, and the CPU to connect and subscribe one."""
    most = run.sizes.idle_watchers
    counts = (most // 5, most)
    rows: dict[str, Figures] = {}
    targets: list[AbsoluteTarget | RelativeTarget] = []
    for backend in run.backends:
        async with backend.hub() as hub:
            rows[hub.name] = await _idle(hub, counts)
        few, many = (rows[hub.name][_heading(count)] for count in counts)
        targets += [
            AbsoluteTarget(f"{hub.name}, memory per watcher", many, "kB", at_most=_MAX_KB),
            RelativeTarget(
                f"{hub.name}, memory per watcher at {counts[1]:,}", many, few, 1.1, f"that at {counts[0]:,}"
            ),
        ]
    for name in [each for each in _PEERS if each in run.peers]:
        async with AsyncExitStack() as stack:
            try:
                rows[name] = await _idle(stack.enter_context(PEERS[name].server()), counts)
            except (Failure, AssertionError) as error:
                log_progress(f"{name} is left out: {error}")
    reference = rows.get(hypercorn.NAME, {}).get(_CONNECT_CPU)
    for name in run.hub_names:
        connect = rows[name][_CONNECT_CPU]
        targets.append(RelativeTarget(f"{name}, {_CONNECT_CPU}", connect, reference, _MAX_CONNECT, hypercorn.NAME))
    return Report(
        NAME,
        "Idle websocket watchers, compression offered as browsers do",
        f"Lower is better: the server's resident memory per watcher beyond the first {_FIRST_WATCHERS}, at two numbers "
        "of watchers, and its CPU to connect and subscribe one; 1 kB is 1,000 bytes.",
        rows,
        targets,
    )


def _heading(count: int) -> str:
    return f"kB each of {count:,}"


async def _idle(server: Server, counts: tuple[int, int]) -> Figures:
    figures: Figures = {}
    # The first watchers are not counted: they pay for what is loaded lazily and for the allocator's first memory.
    async with open_session(server, _FIRST_WATCHERS) as session:
        await server.meter.wait_until_idle()
        resident, cpu, connected = server.meter.memory(), server.meter.cpu(), 0
        for group, count in enumerate(counts, start=1):
            await session.connect(count - connected, group=group)
            connected = count
            connect_cpu = server.meter.cpu() - cpu
            await server.meter.wait_until_idle()
            figures[_heading(count)] = (server.meter.memory() - resident) / count / 1000
    figures[_CONNECT_CPU] = connect_cpu / connected * 1e6
    return figures
