"""The poll: what no hint and no announcement said is found here, at the latest after one interval."""

import asyncio
import logging

from app.actions.recheck import Recheck
from app.errors import Unavailable
from app.services import Services

log = logging.getLogger("tidewire.poll")
_LEAST_PAUSE = 0.1  # However often somebody cries for a look.
_SHARE = 30


async def poll(services: Services) -> None:
    """Look at heads, rights and lives every `poll_interval`, and at once when asked to.

    Where there is so much to look at that it takes more than a thirtieth of the time, up to twice as long passes.
    """
    asked, recheck = asyncio.Event(), Recheck(services.db, services.hub)
    services.hub.on_change(asked.set)
    loop = asyncio.get_running_loop()
    interval = pause = services.settings.poll_interval
    down = False
    while True:
        try:
            async with asyncio.timeout(pause):
                await asked.wait()
        except TimeoutError:
            pass
        asked.clear()
        began = loop.time()
        try:
            dead = await recheck.look(services.connections.principals())
            if dead:
                services.identities.forget()  # Or who is let go now could come straight back.
            services.connections.end(dead)
            if down:
                log.info("The database answers again")
            down = False
        except Unavailable as error:
            if not down:
                log.warning("The poll could not read the database: %s", error.__cause__ or error)
            down = True
        except Exception:
            log.exception("The poll failed")
        pause = min(max(interval, _SHARE * (loop.time() - began)), 2 * interval - min(_LEAST_PAUSE, interval))
        await asyncio.sleep(min(_LEAST_PAUSE, interval))


async def poll_presence(services: Services) -> None:
    """Let who asked for presence look again: a killed process leaves without a word."""
    while True:
        await asyncio.sleep(services.settings.presence_lease / 3)
        services.hub.presence.notify_all()
