"""A watch on a channel without a check of permissions, for tests of what ends watches."""

import asyncio

from app.live.watch import Watch
from app.model.access import Principal
from app.model.position import Extent, Now
from app.store import channels
from tests.support.hub import ServedHub


async def subscribed(hub: ServedHub, slug: str, principal: Principal) -> Watch:
    """A watch from now on, as after its admission."""
    began = asyncio.get_running_loop().time()
    async with hub.services.db.reading() as tx:
        channel = await channels.find(tx, slug)
    assert channel is not None
    extent = Extent(channel.epoch, channel.first_seq, channel.last_seq)

    async def read_extent() -> tuple[Extent, float]:
        return extent, began

    return (await hub.services.hub.subscribe(channel.id, principal, Now(), read_extent)).watch
