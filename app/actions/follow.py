"""Following a channel: let in whom the rules let in, at the place they ask for."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.actions.find import readable
from app.live.flight import Flights
from app.live.hub import Hub
from app.live.watch import Watch
from app.model.access import Principal, Role
from app.model.channel import Channel
from app.model.position import Extent, Place, Start
from app.model.update import Entry
from app.store import history
from app.store.database import Database


@dataclass(frozen=True, slots=True)
class Admission:
    """A channel that somebody may read, their role in it, and when the looking began, by the loop's clock."""

    channel: Channel
    role: Role
    began: float


@dataclass(frozen=True, slots=True)
class Following:
    """A watch that has begun: where it began, in which channel as it stood then."""

    watch: Watch
    channel: Channel
    place: Place


class Doorkeeper:
    """Looks channels up for those who come: a thousand who come back at once share the look-up."""

    def __init__(self, db: Database, flights: Flights[tuple[Principal, str, bool], Admission]) -> None:
        self._db = db
        self._flights = flights

    async def admit(self, who: Principal, slug: str, *, listening: bool = False) -> Admission:
        """The channel and the caller's role, as they stand about now. Raises as `readable`.

        Who is `listening` to the channel already shares the look-up only with others who are: it began after that.
        """
        return await self._flights.fly((who, slug, listening), lambda: self._look(who, slug))

    async def _look(self, who: Principal, slug: str) -> Admission:
        began = asyncio.get_running_loop().time()
        channel, role = await readable(self._db, who, slug)
        return Admission(channel, role, began)


async def begin(door: Doorkeeper, hub: Hub, who: Principal, slug: str, start: Start) -> Following:
    """A watch at the place that `start` asks for, for who leaves it at the end with `Hub.leave`. Raises NotFound,
    Unauthenticated, Forbidden or Unavailable.

    Entered first, read then: the channel is looked up again inside the watch, so that nothing that is committed between
    the two is missed by both.
    """
    while True:
        known = (await door.admit(who, slug)).channel
        watch = await hub.enter(known.id, who)
        try:
            admission = await door.admit(who, slug, listening=True)
        except BaseException:
            hub.leave(watch)
            raise
        channel = admission.channel
        if channel.id != known.id:
            hub.leave(watch)
            continue  # Deleted and made anew in between.
        extent = Extent(channel.epoch, channel.first_seq, channel.last_seq)
        watch.feed.observe(extent, admission.began)
        found = watch.begin(start, extent)
        hub.arrive(watch)
        return Following(watch, channel, found)


@asynccontextmanager
async def follow(door: Doorkeeper, hub: Hub, who: Principal, slug: str, start: Start) -> AsyncGenerator[Following]:
    """As `begin`, left at the end."""
    following = await begin(door, hub, who, slug, start)
    try:
        yield following
    finally:
        hub.leave(following.watch)


async def read_log(
    db: Database, channel_id: int, after: int, most: int, most_bytes: int
) -> tuple[Extent, tuple[Entry, ...]] | None:
    """What the live part reads when a watcher is behind."""
    async with db.reading() as tx:
        page = await history.read_after(tx, channel_id, after, most, most_bytes)
    return None if page is None else (page.extent, page.entries)
