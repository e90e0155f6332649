"""Telling one connection who watches a channel: at each change, at most once a second, for as long as it may know."""

import asyncio
from collections.abc import Awaitable, Callable

from app.live.broker import Census
from app.model.access import Principal, may_see_names
from app.services import Services
from app.web.messages import presence_message

_PAUSE = 1.0


async def tell_presence(
    services: Services, who: Principal, slug: str, send: Callable[[dict[str, object]], Awaitable[None]]
) -> None:
    """Say who watches now, then at every change. Ends when the right to read does. Raises as `follow`.

    The watch held here is not counted as one: it is there so that a revocation finds it.
    """
    hub = services.hub
    admission = await services.door.admit(who, slug)
    channel = admission.channel
    names = may_see_names(who, channel, admission.role)
    changed = asyncio.Event()
    async with hub.watch(channel.id, who) as watch:
        watch.on_end(changed.set)
        hub.presence.ask(channel.id, changed.set)
        last: Census | None = None
        try:
            while not watch.over:
                changed.clear()
                census = await hub.census(channel.id)
                if census != last:
                    last = census
                    await send(presence_message(slug, census if names else Census(census.watching, ())))
                    await asyncio.sleep(_PAUSE)
                await changed.wait()
        finally:
            hub.presence.forget(channel.id, changed.set)
