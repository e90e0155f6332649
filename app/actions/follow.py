"""Following a channel: admit whom the rules admit, at the start point they ask for."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.actions.find import Admission
from app.live.hub import Hub
from app.live.watch import Watch
from app.model.access import Principal
from app.model.position import Extent, Place, Start
from app.runtime.recent import Recent

type Admissions = Recent[tuple[Principal, str], Admission]


@dataclass(frozen=True, slots=True)
class Following:
    """A watch that has begun: where it began, in the log as it stood then."""

    watch: Watch
    extent: Extent
    place: Place


def join(admissions: Admissions, hub: Hub, who: Principal, slug: str, start: Start) -> Following | None:
    """As `begin`, at once, where the admission is known and nothing of the log has to be looked up: they begin after
    all that has come here, or come back to a place that the feed still holds in memory. None where something has."""
    known = admissions.known((who, slug))
    watch = hub.join(known.channel.id, who, start) if known is not None else None
    extent = watch.feed.extent if watch is not None else None
    return _begun(hub, watch, start, extent) if watch is not None and extent is not None else None


async def begin(admissions: Admissions, hub: Hub, who: Principal, slug: str, start: Start) -> Following:
    """A watch at the place that `start` asks for, for who leaves it at the end with `Hub.leave`. Raises NotFound,
    Unauthenticated, Forbidden or Unavailable.

    Entered first, read then: the channel is looked up again inside the watch, so that nothing that is committed between
    the two is missed by both.
    """
    while True:
        known = (await admissions.get((who, slug))).channel
        following = join(admissions, hub, who, slug, start)
        if following is not None:
            return following
        watch = await hub.enter(known.id, who)
        try:
            admission = await admissions.look_up((who, slug))
        except BaseException:
            hub.leave(watch)
            raise
        channel = admission.channel
        if channel.id != known.id:
            hub.leave(watch)
            admissions.forget()
            continue  # Deleted and made anew in between.
        extent = Extent(channel.epoch, channel.first_seq, channel.last_seq)
        watch.feed.observe(extent, admission.began)
        return _begun(hub, watch, start, extent)


def _begun(hub: Hub, watch: Watch, start: Start, extent: Extent) -> Following:
    found = watch.begin(start, extent)
    hub.arrive(watch)
    return Following(watch, extent, found)


@asynccontextmanager
async def follow(
    admissions: Admissions, hub: Hub, who: Principal, slug: str, start: Start
) -> AsyncGenerator[Following]:
    """As `begin`, left at the end."""
    following = await begin(admissions, hub, who, slug, start)
    try:
        yield following
    finally:
        hub.leave(following.watch)
