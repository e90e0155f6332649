"""The herd: everybody comes back at once and has missed the same updates, while others ride on.

Riders and herd are clients of two processes: in one, a rider's update would wait until the herd's bytes are read. What
the machine costs the riders, whose cores have the herd's clients to run as well, is told by a herd at another hub.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median

from benchmarks.arena import Arena, middle
from benchmarks.contestant import BATCHES, WEBSOCKET, Contestant
from benchmarks.generator.driver import Field
from benchmarks.hub import connected
from benchmarks.place import Ground
from benchmarks.position import Position, newest
from benchmarks.sitting import Ran, Sitting, sitting
from benchmarks.table import Bound, Figures, Found

NAME = "herd"
_RIDERS = 100
_RATE = 50
_LONGEST = 60.0
_BEFORE, _ELSEWHERE, _MEANWHILE, _AFTER = (
    f"riders' p99 ms {when}" for when in ("before", "beside one elsewhere", "meanwhile", "afterwards")
)


@dataclass(frozen=True, slots=True)
class _Herd:
    """Clients of one hub, in a process of their own, who have all seen what is published up to one position."""

    hub: Contestant
    clients: Sitting
    position: Position
    count: int
    behind: int

    async def gather(self) -> None:
        """Connect, and wait until the hub has nothing left to do."""
        how = (*connected(self.hub.token), ("foreign", 1), ("ready", '"type":"welcome"'))
        await self.clients.watch(self.count, timed=False, how=how)
        await self.hub.meter.settle()

    async def come_back(self) -> tuple[float, int]:
        """Seconds until the last has all it missed, and how many updates they were given by then, live ones too."""
        missed: list[Field] = [("after", self.position.seq), ("behind", self.behind)]
        asked: list[Field] = [("group", 0), ("text", self.position.subscription()), ("within", _LONGEST)]
        answer = await self.clients.generator.tell("send", [*asked, *missed])
        return answer["seconds"], int(answer["got"])

    async def leave(self) -> None:
        """Go, all of them."""
        await self.clients.leave()


async def measure(arena: Arena) -> Found:
    """Seconds until everybody has everything, and the riders' 99th percentile before and meanwhile."""
    rows: dict[str, Figures] = {}
    due: list[Bound] = []
    for ground in arena.grounds:
        name = ground.hub_name
        rows[name] = await _one_hub(arena, ground)
        for than, words in (
            (_BEFORE, "that before"),
            (_ELSEWHERE, "that beside one elsewhere"),
            (_AFTER, "that afterwards"),
        ):
            due.append(Bound(f"{name}, {_MEANWHILE}", rows[name][_MEANWHILE], rows[name][than], 2.0, words))
    return Found(
        NAME,
        f"The herd: {arena.sizes.herd_watchers} watchers ask at once for {arena.sizes.herd_behind} updates they missed",
        f"Lower is better: seconds from the first request to the last watcher's last update; CPU is the hub's in that "
        f"time per update handed out, live ones too; the riders are {_RIDERS} others, clients of a process of their "
        f"own, who get {_RATE} updates a second. One elsewhere is the same herd at another hub on this machine: what "
        "the riders wait then, they wait for a core. Afterwards is when all have come back and ride with them: whoever "
        "has caught up does so while others still read.",
        rows,
        due,
    )


async def _one_hub(arena: Arena, ground: Ground) -> Figures:
    calm = (("rate", _RATE), ("seconds", arena.sizes.calm_seconds / 2))
    before, elsewhere, meanwhile, after, took, costs = [], [], [], [], [], []
    async with (
        ground.hub() as hub,
        sitting(hub, _RIDERS) as riders,
        _herd(arena, hub, riders) as here,
        ground.hub_apart() as other,
        sitting(other) as publisher,
        _herd(arena, other, publisher) as there,
    ):
        for _ in range(arena.sizes.rounds):
            await there.gather()
            elsewhere.append((await _beside(riders, there)).riders)
            await there.leave()
            await here.gather()
            before.append(await riders.run(WEBSOCKET, *calm))
            done = await _beside(riders, here)
            after.append(await riders.run(WEBSOCKET, *calm))
            await here.leave()
            meanwhile.append(done.riders)
            took.append(done.seconds)
            costs.append(done.riders.cpu / (done.riders.delivered + done.given) * 1e6)
    return {
        "seconds": median(took),
        "CPU µs each": median(costs),
        _BEFORE: middle(before, "p99"),
        _ELSEWHERE: middle(elsewhere, "p99"),
        _MEANWHILE: middle(meanwhile, "p99"),
        _AFTER: middle(after, "p99"),
    }


@asynccontextmanager
async def _herd(arena: Arena, hub: Contestant, publisher: Sitting) -> AsyncIterator[_Herd]:
    """A herd with as much to miss as it should, published now."""
    sizes = arena.sizes
    await publisher.run(WEBSOCKET, ("rate", _RATE), ("seconds", 0.5))
    position = await newest(hub)
    await publisher.run(BATCHES, ("most", sizes.herd_behind), ("seconds", 30))
    async with sitting(hub) as clients:
        yield _Herd(hub, clients, position, sizes.herd_watchers, sizes.herd_behind)


@dataclass(frozen=True, slots=True)
class _Back:
    """What the riders met while a herd came back, and what the herd was given: updates, live ones too."""

    riders: Ran
    seconds: float
    given: int


async def _beside(riders: Sitting, herd: _Herd) -> _Back:
    """The riders' run for as long as the herd, which has gathered, needs to come back."""
    riding = asyncio.create_task(riders.run(WEBSOCKET, ("rate", _RATE), ("seconds", _LONGEST)))
    try:
        seconds, given = await herd.come_back()
        await riders.stop()
        return _Back(await riding, seconds, given)
    finally:
        riding.cancel()
