"""The poll: what no hint and no announcement brought is found here, at the latest after one interval."""

import asyncio
import logging

from app.errors import Unavailable
from app.runtime.reconciler import Reconciler
from app.services import Services

log = logging.getLogger("tidewire.poll")
_LEAST_PAUSE = 0.1  # However often an announcement asks for a round.
_SHARE = 30


async def reconcile(services: Services) -> None:
    """Reconcile with the database every `poll_interval`, and at once when an announcement asks for it.

    Where a round takes more than a thirtieth of the interval, the pause after it grows, up to twice the interval.
    """
    asked, reconciler = asyncio.Event(), Reconciler(services.db, services.hub)
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
            revoked = await reconciler.reconcile(services.connections.principals())
            if revoked:
                services.identities.forget()  # Or a client that is disconnected now could reconnect at once.
            services.connections.end(revoked)
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
    """Notify the watchers of presence to read it again: a process that was killed announces no departure."""
    while True:
        await asyncio.sleep(services.settings.presence_lease / 3)
        services.hub.presence.notify_all()
