"""Presence: who watches a channel, as far as the caller may know."""

from app.actions.find import readable
from app.broker.protocol import PresenceSnapshot
from app.live.hub import Hub
from app.model.access import Principal, may_see_names
from app.store.engine.database import Database


async def read_presence(db: Database, hub: Hub, who: Principal, slug: str) -> PresenceSnapshot:
    """The number of watchers in all processes, and their names if the caller is a member or an admin."""
    channel, role = await readable(db, who, slug)
    snapshot = await hub.presence_snapshot(channel.id)
    return snapshot if may_see_names(who, channel, role) else PresenceSnapshot(snapshot.watching, ())
