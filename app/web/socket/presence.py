"""Telling one connection who watches a channel: at each change, at most once a second, for as long as it may know."""

import asyncio
from collections.abc import Awaitable, Callable

from app.broker.protocol import PresenceSnapshot
from app.errors import Refusal, Unavailable
from app.model.access import Principal, may_see_names
from app.services import Services
from app.web.socket.messages import Ref, presence_message

_PAUSE = 1.0


async def tell_presence(
    services: Services, who: Principal, slug: str, ref: Ref, say: Callable[[dict[str, object]], Awaitable[None]]
) -> None:
    """Say who watches now, then at every change. Ends when the right to read does. Raises as `follow`.

    The watch held here is not counted as one: it is there so that a revocation finds it.
    """
    hub = services.hub
    channel_id = (await services.admissions.get((who, slug))).channel.id
    changed = asyncio.Event()
    async with hub.watch(channel_id, who) as watch:
        watch.on_end(lambda _: changed.set())
        hub.presence.ask(channel_id, changed.set)
        told: PresenceSnapshot | None = None
        try:
            while watch.ended is None:
                changed.clear()
                try:
                    census = await _census(services, who, slug, channel_id)
                except Unavailable:
                    if told is None:
                        raise
                    census = told  # An outage is waited for: the next look comes with a third of a lease.
                if census != told:
                    await say(presence_message(ref if told is None else None, slug, census))
                    told = census
                    await asyncio.sleep(_PAUSE)
                await changed.wait()
        except Refusal:
            if told is None:
                raise
            # The right went before the poll noticed, and there is nothing left to tell.
        finally:
            hub.presence.forget(channel_id, changed.set)


async def _census(services: Services, who: Principal, slug: str, channel_id: int) -> PresenceSnapshot:
    """Who watches, as far as they may know now: a member who is one no longer gets no more names."""
    admission = await services.admissions.get((who, slug))
    census = await services.hub.census(channel_id)
    return census if may_see_names(who, admission.channel, admission.role) else PresenceSnapshot(census.watching, ())
