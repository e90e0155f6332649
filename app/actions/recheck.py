"""Looking again: heads, rights and lives of all that is open in this process, in three queries however much it is."""

import asyncio
from collections.abc import Collection

from app.actions.clock import now_ms
from app.actions.connections import distinct
from app.errors import Refusal
from app.live.hub import Hub
from app.model.access import Principal, Role, check_read, is_read_alike
from app.model.position import Extent
from app.store import channels, members, tokens
from app.store.channels import Standing
from app.store.database import Database


async def recheck(db: Database, hub: Hub, connected: Collection[Principal]) -> set[Principal]:
    """Tell every feed what the log holds, end every watch whose right went; whose token no longer counts. Their watches
    go with their connections, which are told why, and are for the caller to end.

    This is what makes hints and announcements optional: run every poll interval, it finds what they did not say. It is
    what a watched channel costs while nothing happens, so most of it is passed by: a row as it was last time, a reader
    of an open channel who was judged for another one already.
    """
    feeds = hub.feeds()
    # Judged are those who are asked about: who comes meanwhile was let in just now, and has the next round.
    asked = {channel_id: tuple(feed.watches) for channel_id, feed in feeds.items()}
    watchers = distinct(watch.who for watches in asked.values() for watch in watches)
    everyone = watchers | set(connected)
    token_ids = {who.grant.token_id for who in everyone if who.grant is not None}
    user_ids = {who.user_id for who in watchers if who.user_id is not None}
    began = asyncio.get_running_loop().time()
    async with db.reading() as tx:
        found = await channels.standing_rows(tx, list(feeds)) if feeds else {}
        living = await tokens.living(tx, token_ids, now_ms()) if token_ids else {}
        private = [channel_id for channel_id, row in found.items() if channels.is_private(row)]
        roles = await members.roles(tx, private, user_ids) if private and user_ids else {}
    judge = _Judge(living, roles)
    for channel_id, feed in feeds.items():
        row = found.get(channel_id)
        if row is None:
            feed.delete()
            continue
        if feed.looked is None or feed.looked[0] != row or feed.epoch != row[3]:
            feed.looked = row, channels.standing(row)
            feed.observe(Extent(*row[3:]), began)
        channel = feed.looked[1]
        for watch in asked[channel_id]:
            if not judge.may_go_on(watch.who, channel):
                watch.end("revoked")
    return {who for who in everyone if judge.now(who) is None}


class _Judge:
    """Who may go on reading what, by the tokens and roles there are now."""

    def __init__(self, living: dict[int, Principal], roles: dict[tuple[int, int], Role]) -> None:
        self._living = living
        self._roles = roles
        self._everywhere: dict[int, bool] = {}  # By the object: hashing a principal is dear.

    def now(self, who: Principal) -> Principal | None:
        """The principal as they are now; None when their token no longer counts."""
        return self._living.get(who.grant.token_id) if who.grant is not None else who

    def may_go_on(self, who: Principal, channel: Standing) -> bool:
        """May they still read it?"""
        if not is_read_alike(who, channel):
            return self._may_read(who, channel)
        known = self._everywhere.get(id(who))
        if known is None:
            known = self._everywhere[id(who)] = self._may_read(who, channel)
        return known

    def _may_read(self, who: Principal, channel: Standing) -> bool:
        present = self.now(who)
        if present is None:
            return True  # It is the connection that goes.
        try:
            check_read(present, channel, self._roles.get((channel.id, who.user_id or 0), Role.NONE))
        except Refusal:
            return False
        return True
