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

_SECONDS = 0.5  # With the poll interval after it, what a lost right may still open is over within two seconds.
_MOST = 10_000
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Admission:
    """A channel that somebody may read, their role in it, and when the looking began, by the loop's clock."""

    channel: Channel
    role: Role
    began: float


@dataclass(frozen=True, slots=True)
class Following:
    """A watch that has begun: where it began, in the log as it stood then."""

    watch: Watch
    extent: Extent
    place: Place


class Doorkeeper:
    """Looks channels up for those who come: a thousand who come back at once share the look-up, and who comes soon
    after another takes what was found then. Announced changes are looked up anew at once; what was announced to nobody
    the poll finds, as it does for those who are inside."""

    def __init__(self, db: Database, hub: Hub, flights: Flights[tuple[Principal, str, bool], Admission]) -> None:
        self._db = db
        self._flights = flights
        self._known: dict[tuple[Principal, str], Admission] = {}
        self._generation = 0
        # A crowd for as many channels waits here, where nothing times out, and not for a connection to the database.
        self._gate = asyncio.Semaphore(_AT_ONCE)
        hub.on_alarm(self.forget)

    async def admit(self, who: Principal, slug: str) -> Admission:
        """The channel and the caller's role, at most half a second old. Raises as `readable`."""
        return self.known(who, slug) or await self._flights.fly((who, slug, False), lambda: self._look(who, slug))

    def known(self, who: Principal, slug: str) -> Admission | None:
        """What was found within the last half second."""
        known = self._known.get((who, slug))
        return known if known is not None and asyncio.get_running_loop().time() < known.began + _SECONDS else None

    async def admit_listening(self, who: Principal, slug: str) -> Admission:
        """As they stand now, for who listens to the channel already: shared only with others who do."""
        return await self._flights.fly((who, slug, True), lambda: self._look(who, slug))

    def forget(self) -> None:
        """Look everything up anew: a right or a channel has changed, or may have."""
        self._known.clear()
        self._generation += 1

    async def _look(self, who: Principal, slug: str) -> Admission:
        async with self._gate:
            began, generation = asyncio.get_running_loop().time(), self._generation
            channel, role = await readable(self._db, who, slug)
        admission = Admission(channel, role, began)
        if generation == self._generation:  # What changed meanwhile may not be in it.
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[who, slug] = admission
        return admission


def join(door: Doorkeeper, hub: Hub, who: Principal, slug: str, start: Start) -> Following | None:
    """As `begin`, at once, where the door knows who comes and nothing of the log has to be looked up: they begin after
    all that has come here, or come back to a place that the feed still holds in memory. None where something has."""
    known = door.known(who, slug)
    watch = hub.join(known.channel.id, who, start) if known is not None else None
    extent = watch.feed.extent if watch is not None else None
    return _begun(hub, watch, start, extent) if watch is not None and extent is not None else None


async def begin(door: Doorkeeper, hub: Hub, who: Principal, slug: str, start: Start) -> Following:
    """A watch at the place that `start` asks for, for who leaves it at the end with `Hub.leave`. Raises NotFound,
    Unauthenticated, Forbidden or Unavailable.

    Entered first, read then: the channel is looked up again inside the watch, so that nothing that is committed between
    the two is missed by both.
    """
    while True:
        known = (await door.admit(who, slug)).channel
        following = join(door, hub, who, slug, start)
        if following is not None:
            return following
        watch = await hub.enter(known.id, who)
        try:
            admission = await door.admit_listening(who, slug)
        except BaseException:
            hub.leave(watch)
            raise
        channel = admission.channel
        if channel.id != known.id:
            hub.leave(watch)
            door.forget()
            continue  # Deleted and made anew in between.
        extent = Extent(channel.epoch, channel.first_seq, channel.last_seq)
        watch.feed.observe(extent, admission.began)
        return _begun(hub, watch, start, extent)


def _begun(hub: Hub, watch: Watch, start: Start, extent: Extent) -> Following:
    found = watch.begin(start, extent)
    hub.arrive(watch)
    return Following(watch, extent, found)


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
