"""The reconciler finds what was not announced, also after rounds in which nothing had changed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import text, update

from app.actions.tokens import revoke_token
from app.actions.users import set_user_disabled
from app.config import Settings
from app.errors import Unavailable
from app.live.watch import Watch
from app.model.access import ANONYMOUS, CredentialKind, Principal, Role
from app.model.draft import check
from app.model.position import Extent
from app.model.secret import digest
from app.model.submission import Submitted
from app.model.update import Draft
from app.runtime.reconciler import Reconciler
from app.store import channels as store_channels
from app.store import members as store_members
from app.store.tables import TOKENS
from tests.support.hub import ServedHub, serving
from tests.support.hub_ways import until
from tests.support.stalling_sink import StallingSink
from tests.support.subscribed import subscribed

CHANNELS = 30


class Watching:
    """Watches of ben and cyd on each of the channels `c-0` …, and a reconciler that has found nothing to change."""

    def __init__(self, hub: ServedHub, ben: tuple[str, Principal], cyd: tuple[str, Principal]) -> None:
        self.hub, self.reconciler = hub, Reconciler(hub.services.db, hub.services.hub)
        (self.token, self.ben), (_, self.cyd) = ben, cyd
        self.watches: dict[tuple[str, str], Watch] = {}
        self.ids: dict[str, int] = {}

    async def admit(self, slug: str, principal: Principal) -> Watch:
        """An admitted watch."""
        watch = await subscribed(self.hub, slug, principal)
        watch.on_end(StallingSink().notify)
        self.watches[slug, principal.user or ""] = watch
        return watch

    async def reconcile(self) -> set[Principal]:
        """One more round."""
        return await self.reconciler.reconcile({self.ben, self.cyd})

    @property
    def ended(self) -> dict[tuple[str, str], str]:
        """The watches that have ended, each with its reason."""
        return {name: watch.ended for name, watch in self.watches.items() if watch.ended}


@pytest.fixture
async def watching(settings: Settings) -> AsyncIterator[Watching]:
    """On a hub that does not reconcile by itself. Every third channel is private, and both users are members there."""
    async with serving(replace(settings, poll_interval=60.0)) as hub:
        found = await _watching(hub)
        yield found
        for watch in found.watches.values():
            watch.close()


async def _watching(hub: ServedHub) -> Watching:
    tokens = [await hub.token(name) for name in ("ben", "cyd")]
    ben, cyd = [(token, await hub.services.identities.get((CredentialKind.TOKEN, digest(token)))) for token in tokens]
    found = Watching(hub, ben, cyd)
    for number in range(CHANNELS):
        members = {"ben": Role.READER, "cyd": Role.READER} if number % 3 == 0 else {}
        slug, visibility = f"c-{number}", "public" if number % 3 else "private"
        found.ids[slug] = (await hub.channel(slug, visibility=visibility, members=members)).id
        for principal in (found.ben, found.cyd):
            await found.admit(slug, principal)
    assert await found.reconcile() == set()
    assert await found.reconcile() == set()
    assert found.ended == {}
    return found


async def member_removed(watching: Watching) -> None:
    async with watching.hub.services.db.transaction() as tx:
        await store_members.remove(tx, watching.ids["c-3"], watching.ben.user_id or 0)


async def made_private(watching: Watching) -> None:
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
    ("change", "ended", "is_revoked"),
    [
        (member_removed, {("c-3", "ben"): "revoked"}, False),
        (made_private, {("c-4", "ben"): "revoked"}, False),
        (deleted, {("c-5", "ben"): "deleted", ("c-5", "cyd"): "deleted"}, False),
        (disabled, {}, True),
        (revoked, {}, True),
    ],
)
async def test_a_round_finds_what_was_not_announced(
    watching: Watching, change: Change, ended: dict[tuple[str, str], str], is_revoked: bool
) -> None:
    await change(watching)
    revoked_now = await watching.reconcile()

    assert watching.ended == ended
    assert revoked_now == ({watching.ben} if is_revoked else set())


@pytest.mark.parametrize("kept", [0, 1], ids=["private", "public"])
async def test_a_narrowed_token_is_checked_in_every_channel(watching: Watching, kept: int) -> None:
    """Once it is bound to one channel, the others are closed to it."""
    credential = watching.ben.credential
    assert credential is not None
    async with watching.hub.services.db.transaction() as tx:
        bound = {"channel_id": watching.ids[f"c-{kept}"]}
        await tx.execute(update(TOKENS).where(TOKENS.c.id == credential.id).values(bound))
    revoked_now = await watching.reconcile()

    assert revoked_now == set()
    assert watching.ended == {(f"c-{number}", "ben"): "revoked" for number in range(CHANNELS) if number != kept}


async def test_a_watch_admitted_after_a_round_is_checked_by_the_next(watching: Watching) -> None:
    watching.watches["c-6", "ben"].close()
    async with watching.hub.services.db.transaction() as tx:
        await store_members.remove(tx, watching.ids["c-6"], watching.ben.user_id or 0)
    await watching.reconcile()
    before = watching.ended
    watch = await watching.admit("c-6", watching.ben)
    await watching.reconcile()

    assert (before, watch.ended) == ({("c-6", "ben"): "closed"}, "revoked")


async def test_feeds_get_the_state_of_a_log_that_grew_and_of_one_that_was_emptied(watching: Watching) -> None:
    grown, emptied = watching.ids["c-7"], watching.ids["c-8"]
    feeds = watching.hub.services.hub.feeds()
    before = feeds[emptied].epoch
    db = watching.hub.services.db
    group = [Submitted("c-7", ANONYMOUS, check([Draft(body="x")]))]
    await watching.hub.services.log.append(group, 0, lambda *_: None, 10)
    async with db.transaction() as tx:
        await store_channels.empty(tx, emptied)
    await watching.reconcile()

    await until(lambda: feeds[grown].head == 1, within=5)
    assert feeds[emptied].epoch not in (None, before)


async def test_a_log_state_that_a_feed_rejects_as_outdated_is_delivered_by_the_next_round(watching: Watching) -> None:
    """The feed has observed another epoch since the round began, and that epoch no longer exists."""
    feed = watching.hub.services.hub.feeds()[watching.ids["c-9"]]
    async with watching.hub.services.db.transaction() as tx:
        emptied = await store_channels.empty(tx, watching.ids["c-9"])
    running = asyncio.create_task(watching.reconcile())
    await asyncio.sleep(0)
    feed.observe(Extent("between", 1, 0), asyncio.get_running_loop().time())
    await running
    before = feed.epoch
    await watching.reconcile()

    assert emptied is not None
    assert (before, feed.epoch) == ("between", emptied.epoch)


async def test_a_token_narrowed_before_is_checked_for_new_watches(watching: Watching) -> None:
    """The connection keeps the rights it was opened with, so each round checks the watches that it opens meanwhile."""
    credential = watching.ben.credential
    assert credential is not None
    watching.watches.pop(("c-7", "ben")).close()
    async with watching.hub.services.db.transaction() as tx:
        bound = {"channel_id": watching.ids["c-1"]}
        await tx.execute(update(TOKENS).where(TOKENS.c.id == credential.id).values(bound))
    await watching.reconcile()
    late = await watching.admit("c-7", watching.ben)
    await watching.reconcile()

    assert late.ended == "revoked"


async def test_an_anonymous_watch_of_a_channel_made_private_ends(watching: Watching) -> None:
    """It is admitted after the round that read the new visibility, by a lookup from before the change."""
    await made_private(watching)
    await watching.reconcile()
    late = await watching.admit("c-4", ANONYMOUS)
    await watching.reconcile()

    assert late.ended == "revoked"


async def test_a_round_after_one_that_failed_finds_what_changed_before_it(watching: Watching) -> None:
    """The failing round has read the channels and tokens already, and can't read the members."""
    await member_removed(watching)
    await deleted(watching)
    async with watching.hub.services.db.transaction() as tx:
        await tx.execute(text("ALTER TABLE members RENAME TO members_away"))
    with pytest.raises(Unavailable):
        await watching.reconcile()
    before = watching.ended
    async with watching.hub.services.db.transaction() as tx:
        await tx.execute(text("ALTER TABLE members_away RENAME TO members"))
    await watching.reconcile()

    assert before == {}
    assert watching.ended == {("c-3", "ben"): "revoked", ("c-5", "ben"): "deleted", ("c-5", "cyd"): "deleted"}
