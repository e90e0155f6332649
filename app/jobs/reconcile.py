"""The poll: finds what was not announced by a hint or otherwise, within a poll interval."""

import asyncio
import logging

from app.errors import Unavailable
from app.runtime.reconciler import Reconciler
from app.services import Services

log = logging.getLogger("tidewire.poll")
_MIN_PAUSE_S = 0.1  # Between two rounds, however often announcements request one.
_PAUSE_FACTOR = 30  # Times what the round took.


async def reconcile(services: Services) -> None:
    """Reconcile with the database every `poll_interval`, and at once after an announcement.

    Where a round takes more than a thirtieth of the interval, the pause after it grows, up to twice the interval.
    """
    requested, reconciler = asyncio.Event(), Reconciler(services.db, services.hub)
    services.hub.on_change(requested.set)
    loop = asyncio.get_running_loop()
    interval = pause = services.settings.poll_interval
    down = False
    while True:
        try:
            async with asyncio.timeout(pause):
                await requested.wait()
        except TimeoutError:
            pass
        requested.clear()
        began = loop.time()
        try:
            revoked = await reconciler.reconcile(services.connections.principals())
            if revoked:
                services.identities.forget()  # Otherwise a client that is disconnected now could reconnect at once.
            services.connections.end(revoked)
            if down:
                log.info("The database answers again")
            down = False
        except Unavailable:
            down = True  # Its cause is logged where it is found.
        except Exception:
            log.exception("The poll failed")
        pause = min(max(interval, _PAUSE_FACTOR * (loop.time() - began)), 2 * interval - min(_MIN_PAUSE_S, interval))
        await asyncio.sleep(min(_MIN_PAUSE_S, interval))


async def poll_presence(services: Services) -> None:
    """Notify the watchers of presence to read it again: a killed process does not announce that its watchers left."""
    while True:
        await asyncio.sleep(services.settings.presence_lease / 3)
        services.hub.presence.notify_all()
