"""What an idle watcher holds of the server's memory, and what it costs to let it in."""

from contextlib import AsyncExitStack

from benchmarks.arena import PEERS, Arena, say
from benchmarks.contestant import Contestant
from benchmarks.failure import Failure
from benchmarks.peers import hypercorn
from benchmarks.sitting import sitting
from benchmarks.table import Bound, Figures, Found, Limit

NAME = "memory"
_EARLIER = 100
_PEERS = ("nchan", "ws", "socket.io", "nats-server", hypercorn.NAME)
_MOST_KB = 24.0
_MOST = 1.75  # In what hypercorn alone costs: 350 µs were due where that took 200.
_CONNECTING = "CPU µs to connect one"


async def measure(arena: Arena) -> Found:
    """Kilobytes a watcher, and the CPU of handshake and subscription, at half of the crowd and at all of it."""
    most = arena.sizes.idle_watchers
    counts = (most // 5, most)
    rows: dict[str, Figures] = {}
    due: list[Bound | Limit] = []
    for ground in arena.grounds:
        async with ground.hub() as hub:
            rows[hub.name] = await _idle(hub, counts)
        few, many = (rows[hub.name][_heading(count)] for count in counts)
        due += [
            Limit(f"{hub.name}, memory of one", many, "kB", most=_MOST_KB),
            Bound(f"{hub.name}, memory of one of {counts[1]}", many, few, 1.1, f"that of one of {counts[0]}"),
        ]
    for name in [each for each in _PEERS if each in arena.peers]:
        async with AsyncExitStack() as stack:
            try:
                rows[name] = await _idle(stack.enter_context(PEERS[name].server()), counts)
            except (Failure, AssertionError) as error:
                say(f"{name} is left out: {error}")
    alone = rows.get(hypercorn.NAME, {}).get(_CONNECTING)
    for name in arena.ours:
        due.append(Bound(f"{name}, CPU to connect one", rows[name][_CONNECTING], alone, _MOST, hypercorn.NAME))
    return Found(
        NAME,
        "An idle watcher by websocket, compression offered as browsers do",
        f"Lower is better: resident memory of the server per watcher beyond the first {_EARLIER}, at two sizes of the "
        "crowd, and its CPU for connecting and subscribing one; 1 kB is 1,000 bytes.",
        rows,
        due,
    )


def _heading(count: int) -> str:
    return f"kB each of {count:,}"


async def _idle(contestant: Contestant, counts: tuple[int, int]) -> Figures:
    figures: Figures = {}
    # The first ones pay for what is loaded late and for the allocator's first arenas, and are no watcher's own cost.
    async with sitting(contestant, _EARLIER) as sits:
        await contestant.meter.settle()
        resident, cpu, there = contestant.meter.memory(), contestant.meter.cpu(), 0
        for group, count in enumerate(counts, start=1):
            await sits.watch(count - there, group=group)
            there = count
            connecting = contestant.meter.cpu() - cpu
            await contestant.meter.settle()
            figures[_heading(count)] = (contestant.meter.memory() - resident) / count / 1000
    figures[_CONNECTING] = connecting / there * 1e6
    return figures
