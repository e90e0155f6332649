"""Looking again: heads, rights and lives of all that is open in this process, in three queries however much it is."""

import asyncio
from collections.abc import Collection

from app.actions.clock import now_ms
from app.errors import Refusal
from app.live.hub import Hub
from app.model.access import Principal, Role, check_read
from app.model.channel import Channel
from app.model.position import Extent
from app.store import channels, members, tokens
from app.store.database import Database


async def recheck(db: Database, hub: Hub, connected: Collection[Principal]) -> set[Principal]:
    """Tell every feed what the log holds, end every watch whose right went; which of `connected` are dead.

    This is what makes hints and announcements optional: run every poll interval, it finds what they did not say.
    """
    feeds = hub.feeds()
    # Judged are those who are asked about: who comes meanwhile was let in just now, and has the next round.
    asked = {channel_id: tuple(feed.watches) for channel_id, feed in feeds.items()}
    watchers = {watch.who for watches in asked.values() for watch in watches}
    everyone = watchers | set(connected)
    token_ids = {who.grant.token_id for who in everyone if who.grant is not None}
    user_ids = {who.user_id for who in watchers if who.user_id is not None}
    began = asyncio.get_running_loop().time()
    async with db.reading() as tx:
        found = await channels.of_ids(tx, feeds) if feeds else {}
        living = await tokens.living(tx, token_ids, now_ms()) if token_ids else {}
        roles = await tx.run_sync(members.roles, found.values(), user_ids)
    for channel_id, feed in feeds.items():
        channel = found.get(channel_id)
        if channel is None:
            feed.delete()
            continue
        feed.observe(Extent(channel.epoch, channel.first_seq, channel.last_seq), began)
        for watch in asked[channel_id]:
            if not _may_go_on(watch.who, channel, living, roles):
                watch.end("revoked")
    return {who for who in everyone if _now(who, living) is None}


def _may_go_on(
    who: Principal, channel: Channel, living: dict[int, Principal], roles: dict[tuple[int, int | None], Role]
) -> bool:
    present = _now(who, living)
    if present is None:
        return False
    try:
        check_read(present, channel, roles.get((channel.id, who.user_id), Role.NONE))
    except Refusal:
        return False
    return True


def _now(who: Principal, living: dict[int, Principal]) -> Principal | None:
    """The principal as they are now; None when their token no longer counts."""
    return living.get(who.grant.token_id) if who.grant is not None else who
