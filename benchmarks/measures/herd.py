"""The herd: everybody comes back at once and has missed the same updates, while others ride on."""

import asyncio
from statistics import median

from benchmarks.arena import Arena
from benchmarks.contestant import BATCHES, WEBSOCKET
from benchmarks.generator.driver import Field
from benchmarks.hub import connected
from benchmarks.place import Ground
from benchmarks.position import newest
from benchmarks.sitting import OTHERS, sitting
from benchmarks.table import Bound, Figures, Found

NAME = "herd"
_RIDERS = 100
_RATE = 50
_LONGEST = 60.0


async def measure(arena: Arena) -> Found:
    """Seconds until everybody has everything, and the riders' 99th percentile before and meanwhile."""
    rows: dict[str, Figures] = {}
    due: list[Bound] = []
    for ground in arena.grounds:
        name = ground.hub_name
        rows[name] = await _one_hub(arena, ground)
        meanwhile, before = rows[name]["riders' p99 ms meanwhile"], rows[name]["riders' p99 ms before"]
        due.append(Bound(f"{name}, the riders' p99 meanwhile", meanwhile, before, 2.0, "that before"))
    return Found(
        NAME,
        f"The herd: {arena.sizes.herd_watchers} watchers ask at once for {arena.sizes.herd_behind} updates they missed",
        f"Lower is better: seconds from the first request to the last watcher's last update; CPU is the hub's in that "
        f"time per update handed out, live ones too; the riders are {_RIDERS} others who get {_RATE} updates a second.",
        rows,
        due,
    )


async def _one_hub(arena: Arena, ground: Ground) -> Figures:
    sizes = arena.sizes
    async with ground.hub() as hub, sitting(hub, _RIDERS) as sits:
        await sits.run(WEBSOCKET, ("rate", _RATE), ("seconds", 0.5))
        position = await newest(hub, ground.token)
        await sits.generator.tell("mark")
        await sits.run(BATCHES, ("most", sizes.herd_behind), ("seconds", 30))
        before, meanwhile, took = [], [], []
        for _ in range(sizes.rounds):
            how = (*connected(ground.token), ("ready", '"type":"welcome"'))
            await sits.watch(sizes.herd_watchers, group=OTHERS, timed=False, how=how)
            await hub.meter.settle()
            before.append(await sits.run(WEBSOCKET, ("rate", _RATE), ("seconds", sizes.calm_seconds / 2)))
            riding = asyncio.create_task(sits.run(WEBSOCKET, ("rate", _RATE), ("seconds", _LONGEST)))
            try:
                come_back: list[Field] = [
                    ("group", OTHERS),
                    ("text", position.subscription()),
                    ("marked", 1),
                    ("within", _LONGEST),
                ]
                took.append((await sits.generator.tell("send", come_back))["seconds"])
                await sits.stop()
                meanwhile.append(await riding)
            finally:
                riding.cancel()
            await sits.leave(OTHERS)
    return {
        "seconds": median(took),
        "CPU µs each": median(each.each for each in meanwhile),
        "riders' p99 ms before": median(each.p99 for each in before),
        "riders' p99 ms meanwhile": median(each.p99 for each in meanwhile),
    }
