"""A watcher that reads 1 kB/s: what it does to the others' delay, and what the hub holds for it."""

from statistics import median

from benchmarks.arena import Arena
from benchmarks.contestant import BATCHES, WEBSOCKET
from benchmarks.hub import connected
from benchmarks.place import Ground
from benchmarks.position import Position, newest
from benchmarks.sitting import OTHERS, Ran, Sitting, sitting
from benchmarks.table import Bound, Figures, Found, Limit

NAME = "slow"
_BYTES_A_SECOND = 1000
_RATE = 20
_MOST_KB = 512.0


async def measure(arena: Arena) -> Found:
    """The 99th percentile of the fast ones with and without it in turn, and the memory of one of many slow ones."""
    rows: dict[str, Figures] = {}
    due: list[Bound | Limit] = []
    for ground in arena.grounds:
        name = ground.hub_name
        rows[name] = await _one_hub(arena, ground)
        with_it, without = rows[name]["p99 ms with it"], rows[name]["p99 ms without"]
        due.append(Bound(f"{name}, p99 of the fast ones", with_it, without, 1.1, "theirs without it"))
        due.append(Limit(f"{name}, memory held for it", rows[name]["kB held for one"], "kB", most=_MOST_KB))
    return Found(
        NAME,
        f"A watcher that reads {_BYTES_A_SECOND / 1000:g} kB/s among {arena.sizes.watchers - 1} fast ones",
        f"Lower is better: publish to receive of the fast ones at {_RATE} updates a second, in turn with a slow one "
        "that is megabytes behind and without; and what the hub's resident memory grew by, per slow watcher, when "
        f"{arena.sizes.slow_watchers} of them had joined and as much had been published again.",
        rows,
        due,
    )


async def _one_hub(arena: Arena, ground: Ground) -> Figures:
    sizes = arena.sizes
    burst = (("seconds", 10), ("most", sizes.busy_updates))
    async with ground.hub() as hub, sitting(hub, 10) as sits:
        await sits.run(BATCHES, *burst)  # What a busy hub holds anyhow.
        await hub.meter.settle()
        resident = hub.meter.memory()
        begin = await newest(hub)
        await sits.generator.tell("mark")
        slow = (("slow", _BYTES_A_SECOND), ("live", 1))
        await sits.watch(sizes.slow_watchers, *slow, group=OTHERS, timed=False, how=hub.watch)
        await sits.run(BATCHES, *burst)
        await hub.meter.settle(within=3)
        held = (hub.meter.memory() - resident) / sizes.slow_watchers / 1000
        await sits.leave(OTHERS)
        await sits.leave()
        await sits.watch(sizes.watchers - 1)
        await _paced(arena, sits)
        with_it: list[Ran] = []
        without: list[Ran] = []
        # A tenth more or less is due: few rounds would not tell, nor would one side that is always the first.
        for turn in range(3 * sizes.rounds):
            for has_it in (turn % 2 == 1, turn % 2 == 0):
                if has_it:
                    await _far_behind(sits, begin)
                await hub.meter.settle(within=3)
                (with_it if has_it else without).append(await _paced(arena, sits))
                if has_it:
                    await sits.leave(OTHERS)
        return {
            "p99 ms without": median(each.p99 for each in without),
            "p99 ms with it": median(each.p99 for each in with_it),
            "CPU µs each without": median(each.each for each in without),
            "CPU µs each with it": median(each.each for each in with_it),
            "kB held for one": held,
        }


async def _paced(arena: Arena, sits: Sitting) -> Ran:
    return await sits.run(WEBSOCKET, ("rate", _RATE), ("seconds", arena.sizes.calm_seconds))


async def _far_behind(sits: Sitting, begin: Position) -> None:
    """A slow one that has asked for everything since the mark: it is behind once all buffers before it are full."""
    how = (*connected(sits.contestant.token), ("ready", '"type":"welcome"'))
    await sits.watch(1, ("slow", _BYTES_A_SECOND), group=OTHERS, timed=False, how=how)
    await sits.generator.tell("send", [("group", OTHERS), ("text", begin.subscription()), ("marked", 1)])
