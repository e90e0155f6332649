"""Looking again: heads, rights and lives of all that is open in this process, closely only at what has changed."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from app.clock import now_ms
from app.errors import Refusal
from app.live.events import EndReason
from app.live.feed import Feed, LiveWatcher
from app.live.hub import Hub
from app.model.access import Principal, Role, check_read, is_read_alike
from app.model.position import Extent
from app.store import channels, members, tokens
from app.store.channels import Standing
from app.store.engine.database import Database, Transaction
from app.store.marks import Marks, block_of, changed


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look found, for the next one to compare: marks, the tokens that count, and how many had been let in."""

    channels: Marks
    members: Marks
    tokens: Marks
    living: dict[int, Principal]
    came: int


_NOTHING = _Seen({}, {}, {}, {}, 0)


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look has found: the channels looked at closely, and the watches that are to be judged."""

    seen: _Seen
    near: list[int]
    rows: dict[int, Standing]
    doubtful: dict[int, list[LiveWatcher]]
    roles: dict[tuple[int, int], Role]


class Recheck:
    """Tells every feed what the log holds, ends every watch whose right went, and says whose token no longer counts.

    This is what makes hints and announcements optional: run every poll interval, it finds what they did not say. It is
    what ten thousand watched channels cost while nothing happens, so their rows are compared by the database, a block
    of them at a time, and whoever has been judged is judged again only when what decided it has changed.
    """

    def __init__(self, db: Database, hub: Hub) -> None:
        self._db = db
        self._hub = hub
        self._last = _NOTHING

    async def look(self, connected: Collection[Principal]) -> set[Principal]:
        """Those of the connected whose token no longer counts: their watches go with their connections, which are told
        why, and are for the caller to end. Everybody who follows a channel is connected. Raises Unavailable."""
        feeds, came = self._hub.feeds(), self._hub.admitted
        last, self._last = self._last, _NOTHING  # After a look that fails the next one looks at everything.
        began = asyncio.get_running_loop().time()
        async with self._db.reading() as tx:
            look = await self._read(tx, feeds, connected, came, last)
        for channel_id in look.near:
            if not _observed(feeds[channel_id], look.rows.get(channel_id), began):
                look.seen.channels.pop(block_of(channel_id), None)  # To be looked at once more.
        judge = _Judge(look.seen.living, look.roles)
        for channel_id, doubtful in look.doubtful.items():
            for watch in doubtful:
                if not judge.may_go_on(watch.who, look.rows[channel_id]):
                    watch.end(EndReason.REVOKED)
        self._last = look.seen
        return {who for who in connected if judge.now(who) is None}

    async def _read(
        self, tx: Transaction, feeds: dict[int, Feed], connected: Collection[Principal], came: int, last: _Seen
    ) -> _Look:
        """All that this look needs, of one moment: who is let in after it began has the next one."""
        users = {who.user_id for who in connected if who.user_id is not None}
        seen = await self._seen(tx, feeds, users, connected, came, last)
        turned = any(seen.living.get(token_id, who) != who for token_id, who in last.living.items())
        near = list(feeds) if turned else _near(last, seen, feeds)
        rows = await channels.standing(tx, near)
        regrouped = changed(last.members, seen.members)
        doubtful: dict[int, list[LiveWatcher]] = {}
        for channel_id, row in rows.items():
            feed = feeds[channel_id]
            everybody = turned or block_of(channel_id) in regrouped or feed.visibility != row.visibility
            after = 0 if everybody else last.came
            if feed.admitted > after:
                doubtful[channel_id] = [watch for watch in feed.watches if after < watch.admitted <= came]
        private = [channel_id for channel_id in doubtful if rows[channel_id].is_private]
        roles = await members.roles(tx, private, users) if private and users else {}
        return _Look(seen, near, rows, doubtful, roles)

    async def _seen(
        self,
        tx: Transaction,
        feeds: Collection[int],
        users: set[int],
        connected: Iterable[Principal],
        came: int,
        last: _Seen,
    ) -> _Seen:
        ids = {who.credential.id for who in connected if who.credential is not None}
        now = now_ms()
        marks = await tokens.marks(tx, ids, now) if ids else {}
        unlike = changed(last.tokens, marks)
        asked = {token_id for token_id in ids if block_of(token_id) in unlike}
        known = {token_id: last.living[token_id] for token_id in (last.living.keys() & ids) - asked}
        return _Seen(
            channels=await channels.marks(tx, feeds) if feeds else {},
            members=await members.marks(tx, feeds, users) if feeds and users else {},
            tokens=marks,
            living=known | (await tokens.living(tx, asked, now) if asked else {}),
            came=came,
        )


def _near(last: _Seen, seen: _Seen, feeds: dict[int, Feed]) -> list[int]:
    """The channels to be looked at closely: something in their block is not as it was, or somebody has come."""
    unlike = changed(last.channels, seen.channels) | changed(last.members, seen.members)
    return [each for each, feed in feeds.items() if feed.admitted > last.came or block_of(each) in unlike]


def _observed(feed: Feed, row: Standing | None, began: float) -> bool:
    """Tell the feed; False where it has heard of another log since the look began, and takes this one for older."""
    if row is None:
        feed.delete()
        return True
    feed.visibility = row.visibility
    feed.observe(Extent(row.epoch, row.first_seq, row.last_seq), began)
    return feed.epoch == row.epoch


class _Judge:
    """Who may go on reading what, by the tokens and roles there are now."""

    def __init__(self, living: dict[int, Principal], roles: dict[tuple[int, int], Role]) -> None:
        self._living = living
        self._roles = roles
        self._everywhere: dict[int, bool] = {}  # By the object: hashing a principal is dear.

    def now(self, who: Principal) -> Principal | None:
        """The principal as they are now; None when their token no longer counts."""
        return self._living.get(who.credential.id) if who.credential is not None else who

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
