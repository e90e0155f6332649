"""Looking again: what nobody announced is found, also by a look that had seen everything as it was before."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import update

from app.actions.recheck import Recheck
from app.actions.tokens import digest, revoke_token
from app.actions.users import set_user_disabled
from app.config import Settings
from app.live.watch import Watch
from app.model.access import ANONYMOUS, Principal, Role
from app.model.draft import check
from app.model.position import Extent
from app.model.submission import Submitted
from app.model.update import Draft
from app.store import channels as store_channels
from app.store import members as store_members
from app.store.tables import TOKENS
from tests.support.hub import ServedHub, serving
from tests.support.hub_ways import until
from tests.support.stalling_sink import StallingSink
from tests.support.subscribed import subscribed

CHANNELS = 300  # More than there are blocks of marks, so that some share one.


class Watching:
    """Ben and cyd in each of the channels `c-0` … , and a look that has seen them all."""

    def __init__(self, hub: ServedHub, ben: tuple[str, Principal], cyd: tuple[str, Principal]) -> None:
        self.hub, self.recheck = hub, Recheck(hub.services.db, hub.services.hub)
        (self.token, self.ben), (_, self.cyd) = ben, cyd
        self.watches: dict[tuple[str, str], Watch] = {}
        self.ids: dict[str, int] = {}

    async def enter(self, slug: str, who: Principal) -> Watch:
        """A watch that was let in."""
        watch = await subscribed(self.hub, slug, who)
        watch.on_end(StallingSink().notify)
        self.watches[slug, who.user or ""] = watch
        return watch

    async def look(self) -> set[Principal]:
        """Look once more."""
        return await self.recheck.look({self.ben, self.cyd})

    @property
    def ended(self) -> dict[tuple[str, str], str]:
        """Which watches are over, and why."""
        return {name: watch.ended for name, watch in self.watches.items() if watch.ended}


@pytest.fixture
async def watching(settings: Settings) -> AsyncIterator[Watching]:
    """On a hub that does not look by itself. Every third channel is private, and both are members of those."""
    async with serving(replace(settings, poll_interval=60.0)) as hub:
        found = await _watching(hub)
        yield found
        for watch in found.watches.values():
            watch.close()


async def _watching(hub: ServedHub) -> Watching:
    tokens = [await hub.token(name) for name in ("ben", "cyd")]
    ben, cyd = [(token, await hub.services.identities.get(digest(token))) for token in tokens]
    found = Watching(hub, ben, cyd)
    for number in range(CHANNELS):
        members = {"ben": Role.READER, "cyd": Role.READER} if number % 3 == 0 else {}
        slug, visibility = f"c-{number}", "public" if number % 3 else "private"
        found.ids[slug] = (await hub.channel(slug, visibility=visibility, members=members)).id
        for who in (found.ben, found.cyd):
            await found.enter(slug, who)
    assert await found.look() == set()
    assert await found.look() == set()
    assert found.ended == {}
    return found


async def left(watching: Watching) -> None:
    async with watching.hub.services.db.transaction() as tx:
        await store_members.remove(tx, watching.ids["c-3"], watching.ben.user_id or 0)


async def closed(watching: Watching) -> None:
    async with watching.hub.services.db.transaction() as tx:
        await store_channels.change(tx, watching.ids["c-4"], {"visibility": "private"})
        await store_members.put(tx, watching.ids["c-4"], watching.cyd.user_id or 0, Role.READER)


async def deleted(watching: Watching) -> None:
    async with watching.hub.services.db.transaction() as tx:
        await store_channels.remove(tx, watching.ids["c-5"])


async def disabled(watching: Watching) -> None:
    await set_user_disabled(watching.hub.services.db, "ben", True)


async def revoked(watching: Watching) -> None:
    await revoke_token(watching.hub.services.db, watching.token)


type Change = Callable[[Watching], Awaitable[None]]


@pytest.mark.parametrize(
    ("change", "over", "dead"),
    [
        (left, {("c-3", "ben"): "revoked"}, False),
        (closed, {("c-4", "ben"): "revoked"}, False),
        (deleted, {("c-5", "ben"): "deleted", ("c-5", "cyd"): "deleted"}, False),
        (disabled, {}, True),
        (revoked, {}, True),
    ],
)
async def test_a_look_finds_what_was_announced_to_nobody(
    watching: Watching, change: Change, over: dict[tuple[str, str], str], dead: bool
) -> None:
    await change(watching)
    gone = await watching.look()

    assert watching.ended == over
    assert gone == ({watching.ben} if dead else set())


async def test_a_token_that_is_worth_less_is_judged_everywhere(watching: Watching) -> None:
    """Once it is bound to one channel, the others are closed to it."""
    credential = watching.ben.credential
    assert credential is not None
    async with watching.hub.services.db.transaction() as tx:
        bound = {"channel_id": watching.ids["c-0"]}
        await tx.execute(update(TOKENS).where(TOKENS.c.id == credential.id).values(bound))
    gone = await watching.look()

    assert gone == set()
    assert watching.ended == {(f"c-{number}", "ben"): "revoked" for number in range(1, CHANNELS)}


async def test_who_comes_after_a_look_is_judged_by_the_next(watching: Watching) -> None:
    watching.watches["c-6", "ben"].close()
    async with watching.hub.services.db.transaction() as tx:
        await store_members.remove(tx, watching.ids["c-6"], watching.ben.user_id or 0)
    await watching.look()
    before = watching.ended
    watch = await watching.enter("c-6", watching.ben)
    await watching.look()

    assert (before, watch.ended) == ({("c-6", "ben"): "closed"}, "revoked")


async def test_a_log_that_grew_and_one_that_was_emptied_are_told_to_their_feeds(watching: Watching) -> None:
    grown, emptied = watching.ids["c-7"], watching.ids["c-8"]
    feeds = watching.hub.services.hub.feeds()
    before = feeds[emptied].epoch
    db = watching.hub.services.db
    group = [Submitted("c-7", ANONYMOUS, check([Draft(body="x")]))]
    await watching.hub.services.log.append(group, 0, lambda *_: None, 10)
    async with db.transaction() as tx:
        await store_channels.empty(tx, emptied)
    await watching.look()

    await until(lambda: feeds[grown].head == 1, within=5)
    assert feeds[emptied].epoch not in (None, before)


async def test_a_log_that_a_feed_takes_for_older_is_looked_at_again(watching: Watching) -> None:
    """It has heard of another one since the look began, and that one is gone by now."""
    feed = watching.hub.services.hub.feeds()[watching.ids["c-9"]]
    async with watching.hub.services.db.transaction() as tx:
        emptied = await store_channels.empty(tx, watching.ids["c-9"])
    looking = asyncio.create_task(watching.look())
    await asyncio.sleep(0)
    feed.observe(Extent("between", 1, 0), asyncio.get_running_loop().time())
    await looking
    before = feed.epoch
    await watching.look()

    assert emptied is not None
    assert (before, feed.epoch) == ("between", emptied.epoch)
