"""Presence over one connection: who watches a channel, at each change and at most once a second."""

import asyncio
from collections.abc import Awaitable, Callable

from app.actions.follow import follow
from app.broker.protocol import PresenceSnapshot
from app.errors import Refusal, Unavailable
from app.model.access import Principal, may_see_names
from app.model.position import Now
from app.services import Services
from app.web.socket.messages import Ref, presence_message

MIN_INTERVAL_S = 1.0

type Send = Callable[[dict[str, object]], Awaitable[None]]


async def send_presence(services: Services, who: Principal, slug: str, ref: Ref, send: Send) -> None:
    """Send who watches now, then every change, until the right to read ends. Raises as `follow`.

    It holds a watch that is not counted, so that a revocation ends it.
    """
    hub = services.hub
    watch, _, _ = await follow(services.admissions, hub, who, slug, Now(), present=False)
    channel_id, changed = watch.feed.channel_id, asyncio.Event()
    watch.on_end(lambda _: changed.set())
    hub.presence.subscribe(channel_id, changed.set)
    sent: PresenceSnapshot | None = None
    try:
        while watch.ended is None:
            changed.clear()
            try:
                snapshot = await _snapshot(services, who, slug, channel_id)
            except Unavailable:
                if sent is None:
                    raise
                snapshot = sent  # In an outage, wait: `poll_presence` notifies again after a third of a lease.
            if snapshot != sent:
                await send(presence_message(ref if sent is None else None, slug, snapshot))
                sent = snapshot
                await asyncio.sleep(MIN_INTERVAL_S)
            await changed.wait()
    except Refusal:
        if sent is None:
            raise
        # The right was revoked before the reconciler ended the watch: there is nothing left to send.
    finally:
        hub.presence.unsubscribe(channel_id, changed.set)
        watch.close()


async def _snapshot(services: Services, who: Principal, slug: str, channel_id: int) -> PresenceSnapshot:
    """Who watches, as far as the principal may know now: without names once it is no longer a member."""
    admission = await services.admissions.get((who, slug))
    snapshot = await services.hub.presence_snapshot(channel_id)
    if may_see_names(who, admission.channel, admission.role):
        return snapshot
    return PresenceSnapshot(snapshot.watching, ())
