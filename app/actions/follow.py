"""Follows a channel: a caller that is admitted gets a subscription at the requested start point."""

from app.actions.find import Admission
from app.live.hub import Hub, Subscription
from app.model.access import Principal
from app.model.position import Extent, Start
from app.runtime.recent import Recent

type Admissions = Recent[tuple[Principal, str], Admission]


class _ChannelReplacedError(Exception):
    """The channel was deleted and another one was created with its slug, between two look-ups."""


def follow_at_once(admissions: Admissions, hub: Hub, who: Principal, slug: str, start: Start) -> Subscription | None:
    """As `follow`, if the admission is cached and no query is needed; otherwise None."""
    known = admissions.known((who, slug))
    return hub.subscribe_at_once(known.channel.id, who, start) if known is not None else None


async def follow(
    admissions: Admissions, hub: Hub, who: Principal, slug: str, start: Start, *, present: bool = True
) -> Subscription:
    """A subscription at the start point that `start` requests; the caller closes its watch. With `present` it counts as
    a watcher. Raises NotFound, Unauthenticated, Forbidden or Unavailable.

    The admission is looked up twice: the second time when the channel's hints are received, to find where the log ends.
    """
    while True:
        channel_id = (await admissions.get((who, slug))).channel.id

        async def read_extent(channel_id: int = channel_id) -> tuple[Extent, float]:
            admission = await admissions.look_up((who, slug))
            channel = admission.channel
            if channel.id != channel_id:
                raise _ChannelReplacedError
            return Extent(channel.epoch, channel.first_seq, channel.last_seq), admission.began

        try:
            return await hub.subscribe(channel_id, who, start, read_extent, present=present)
        except _ChannelReplacedError:
            admissions.forget()
