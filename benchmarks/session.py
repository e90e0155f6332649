"""A session: one server, one load generator connected to it, and the results of the loads."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.generator.driver import Field, Generator, generator
from benchmarks.server import Server

WATCHERS, OTHERS = 0, 1  # Groups of the generator. Each publish mode gets a group of its own from 4 on.
_FIRST_PUBLISHERS = 4


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The result of one load. Times in seconds, delays in milliseconds, CPU in seconds."""

    published: int
    delivered: int
    seconds: float
    cpu: float
    dependency_cpu: Mapping[str, float]
    p50: float
    p99: float
    ack_p50: float

    @property
    def rate(self) -> float:
        """Deliveries per second; publishes per second without watchers."""
        return (self.delivered or self.published) / self.seconds

    @property
    def cpu_each(self) -> float:
        """Microseconds of the server's CPU per delivery; per publish without watchers."""
        return self.cpu / (self.delivered or self.published) * 1e6

    @property
    def dependency_cpu_each(self) -> float:
        """Microseconds of the database's and the broker's CPU per delivery; per publish without watchers."""
        return sum(self.dependency_cpu.values()) / (self.delivered or self.published) * 1e6


class Session:
    """A server and the generator that loads it."""

    def __init__(self, server: Server, generator: Generator) -> None:
        self.server, self.generator = server, generator
        self._publishers: dict[tuple[str, int | None], int] = {}

    async def connect(
        self, count: int, *fields: Field, group: int = WATCHERS, timed: bool = True, protocol: tuple[Field, ...] = ()
    ) -> float:
        """Connect that many watchers, by `protocol` or the server's own; return the seconds until all were ready."""
        opened = (("group", group), ("count", count), ("port", self.server.port), ("timed", int(timed)))
        reply = await self.generator.command(
            "open", [*(protocol or (*self.server.watch, ("live", 1))), *opened, *fields]
        )
        return reply["seconds"]

    async def disconnect(self, group: int = WATCHERS) -> None:
        """Close that group's connections."""
        await self.generator.command("close", [("group", group)])

    async def load(self, mode: str, *fields: Field, publishers: int | None = None) -> LoadResult:
        """Publish, and return when every watcher has received everything. Raises Failure."""
        group = await self._publisher_group(mode, publishers)
        before = {name: meter.cpu() for name, meter in self.server.dependencies.items()}
        cpu = self.server.meter.cpu()
        # The generator takes the first value of a key, so `fields` override the mode's own.
        reply = await self.generator.command("load", [*fields, *self.server.modes[mode].load, ("publishers", group)])
        return LoadResult(
            published=int(reply["published"]),
            delivered=int(reply["delivered"]),
            seconds=reply["seconds"],
            cpu=self.server.meter.cpu() - cpu,
            dependency_cpu={name: meter.cpu() - before[name] for name, meter in self.server.dependencies.items()},
            p50=reply["p50"],
            p99=reply["p99"],
            ack_p50=reply["ack_p50"],
        )

    async def stop_load(self) -> None:
        """Stop publishing; the running load ends once every watcher has received everything."""
        await self.generator.command("stop")

    async def _publisher_group(self, mode: str, publishers: int | None) -> int:
        group = self._publishers.get((mode, publishers))
        if group is None:
            group = self._publishers[mode, publishers] = _FIRST_PUBLISHERS + len(self._publishers)
            fields: list[Field] = [("group", group), ("port", self.server.port)]
            if publishers is not None:
                fields.append(("count", publishers))
            await self.generator.command("open", [*fields, *self.server.modes[mode].connect])
        return group


@asynccontextmanager
async def open_session(server: Server, watchers: int = 0) -> AsyncIterator[Session]:
    """A session with that many watchers connected and subscribed; its connections close on exit."""
    async with generator() as running:
        session = Session(server, running)
        if watchers:
            await session.connect(watchers)
        yield session
