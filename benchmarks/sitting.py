"""One server with its watchers connected, and runs on it: what was delivered, how late, and for how much."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.contestant import Contestant
from benchmarks.generator.driver import Field, Generator, generator

WATCHERS, OTHERS = 0, 1  # Groups of the generator; each way of publishing has one of its own from here on.
_FIRST_PUBLISHERS = 4


@dataclass(frozen=True, slots=True)
class Ran:
    """One run. Times in seconds, delays in milliseconds; CPU is the server's, and of what works beside it."""

    published: int
    delivered: int
    seconds: float
    cpu: float
    beside: Mapping[str, float]
    p50: float
    p99: float
    answer_p50: float

    @property
    def rate(self) -> float:
        """Deliveries a second; publishes where nobody watches."""
        return (self.delivered or self.published) / self.seconds

    @property
    def each(self) -> float:
        """Microseconds of the server's CPU per delivery; per publish where nobody watches."""
        return self.cpu / (self.delivered or self.published) * 1e6

    def beside_each(self) -> float:
        """The same of all that works beside it, the database first of all."""
        return sum(self.beside.values()) / (self.delivered or self.published) * 1e6


class Sitting:
    """A contestant and the generator that loads it."""

    def __init__(self, contestant: Contestant, generator: Generator) -> None:
        self.contestant, self.generator = contestant, generator
        self._publishers: dict[tuple[str, int | None], int] = {}

    async def watch(
        self, count: int, *fields: Field, group: int = WATCHERS, timed: bool = True, how: tuple[Field, ...] = ()
    ) -> float:
        """Connect so many watchers; seconds until the last was ready. `how` in place of the contestant's own way."""
        opened = (("group", group), ("count", count), ("port", self.contestant.port), ("timed", int(timed)))
        answer = await self.generator.tell("open", [*(how or (*self.contestant.watch, ("live", 1))), *opened, *fields])
        return answer["seconds"]

    async def leave(self, group: int = WATCHERS) -> None:
        """Close that group's connections."""
        await self.generator.tell("close", [("group", group)])

    async def run(self, way: str, *fields: Field, callers: int | None = None) -> Ran:
        """Publish, and return when every watcher has everything. Raises Failure."""
        publishers = await self._opened(way, callers)
        meters = {name: (meter, meter.cpu()) for name, meter in self.contestant.beside.items()}
        cpu = self.contestant.meter.cpu()
        spoken = [*self.contestant.ways[way].run, ("publishers", publishers)]
        # A command's first value of a name counts.
        answer = await self.generator.tell("run", [*fields, *spoken])
        return Ran(
            published=int(answer["published"]),
            delivered=int(answer["delivered"]),
            seconds=answer["seconds"],
            cpu=self.contestant.meter.cpu() - cpu,
            beside={name: meter.cpu() - before for name, (meter, before) in meters.items()},
            p50=answer["p50"],
            p99=answer["p99"],
            answer_p50=answer["answer_p50"],
        )

    async def stop(self) -> None:
        """Publish no more; the run that is on its way ends as soon as everybody has everything."""
        await self.generator.tell("stop")

    async def _opened(self, way: str, callers: int | None) -> int:
        known = self._publishers.get((way, callers))
        if known is None:
            known = self._publishers[way, callers] = _FIRST_PUBLISHERS + len(self._publishers)
            fields: list[Field] = [("group", known), ("port", self.contestant.port)]
            if callers is not None:
                fields.append(("count", callers))
            await self.generator.tell("open", [*fields, *self.contestant.ways[way].opened])
        return known


@asynccontextmanager
async def sitting(contestant: Contestant, watchers: int = 0) -> AsyncIterator[Sitting]:
    """That many watchers connected and subscribed, with the first updates behind them."""
    async with generator() as made:
        sits = Sitting(contestant, made)
        if watchers:
            await sits.watch(watchers)
        yield sits
