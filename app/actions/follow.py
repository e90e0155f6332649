"""Following a channel: a caller who is admitted gets a subscription at the start point that they ask for."""

from app.actions.find import Admission
from app.live.hub import Hub, Subscription
from app.model.access import Principal
from app.model.position import Extent, Start
from app.runtime.recent import Recent

type Admissions = Recent[tuple[Principal, str], Admission]


class _ChannelReplacedError(Exception):
    """The channel was deleted and another was created under its name, between two look-ups."""


def follow_at_once(admissions: Admissions, hub: Hub, who: Principal, slug: str, start: Start) -> Subscription | None:
    """As `follow`, where the admission is known and no query is needed; None where one is."""
    known = admissions.known((who, slug))
    return hub.subscribe_at_once(known.channel.id, who, start) if known is not None else None


async def follow(
    admissions: Admissions, hub: Hub, who: Principal, slug: str, start: Start, *, present: bool = True
) -> Subscription:
    """A subscription at the start point that `start` asks for; its holder closes the watch. Raises NotFound,
    Unauthenticated, Forbidden or Unavailable. With `present` it counts as a watcher.

    The right is looked up twice, the second time while the channel's hints are received already: that one says where
    the log ends.
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
