"""Anything may change between two publishes: the next one uses what the database holds, whatever was cached."""

import asyncio
from dataclasses import replace

from sqlalchemy import func, select, text

from app.config import Settings
from app.model.access import ANONYMOUS, Principal, Role
from app.model.draft import check
from app.model.submission import Stored, Submitted
from app.model.update import Draft
from app.store import channels
from app.store.engine.database import Database
from app.store.tables import UPDATE_TAGS, UPDATES
from tests.support.hub import ServedHub, serving
from tests.support.log import append, log_of


def submitted(slug: str, body: str) -> Submitted:
    return Submitted(slug, ANONYMOUS, check([Draft(body=body)]))


async def in_history(hub: ServedHub, slug: str) -> list[tuple[int, str]]:
    answer = await hub.call("GET", f"/api/v1/channels/{slug}/updates?after=0&limit=1000")
    return [(update["seq"], update["body"]) for update in answer.json["updates"]]


async def test_two_hubs_that_publish_alternately_share_one_numbering(hub: ServedHub) -> None:
    """Each of them has cached a log that the other has continued."""
    await hub.channel("a")
    async with log_of(hub.services.settings) as other:
        for n in range(12):
            await append((hub.services.log, other)[n // 2 % 2], submitted("a", str(n)))

    assert await in_history(hub, "a") == [(n + 1, str(n)) for n in range(12)]


async def test_a_changed_right_applies_to_the_very_next_publish(hub: ServedHub) -> None:
    channel = await hub.channel("a", publishing="members", members={"ben": Role.READER})
    user = await hub.user("ben")
    ben = Submitted("a", Principal(user.id, "ben"), submitted("a", "x").submission)

    async def publishes(change: str) -> list[bool]:
        async with hub.services.db.transaction() as tx:
            await tx.execute(text(change), {"channel": channel.id, "user": user.id})
        outcomes = [await append(hub.services.log, ben) for _ in range(2)]
        return [isinstance(outcome, Stored) for (outcome,) in outcomes]

    assert [
        await publishes("SELECT 1"),
        await publishes("DELETE FROM members WHERE channel_id = :channel AND user_id = :user"),
        await publishes("UPDATE channels SET publishing = 'everyone' WHERE id = :channel"),
        await publishes("UPDATE channels SET publishing = 'publishers' WHERE id = :channel"),
        await publishes("INSERT INTO members (channel_id, user_id, role) VALUES (:channel, :user, 2)"),
        await publishes("UPDATE members SET role = 1 WHERE channel_id = :channel AND user_id = :user"),
    ] == [[True, True], [False, False], [True, True], [False, False], [True, True], [False, False]]


async def test_a_log_that_was_emptied_or_removed_is_not_continued(hub: ServedHub) -> None:
    channel = await hub.channel("a")
    await hub.publish("a", body="old")
    async with hub.services.db.transaction() as tx:
        await channels.empty(tx, channel.id)
    renewed = await hub.publish("a", body="new")
    async with hub.services.db.transaction() as tx:
        await channels.remove(tx, channel.id)
    gone = await hub.call("POST", "/api/v1/channels/a/updates", json={"body": "x"})
    again = await hub.channel("a")
    anew = await hub.publish("a", body="newest")

    assert (renewed["seq"], renewed["epoch"] != channel.epoch, gone.status) == (1, True, 404)
    assert (anew["seq"], anew["epoch"]) == (1, again.epoch)
    assert await in_history(hub, "a") == [(1, "newest")]


async def test_tags_and_board_are_stored_with_and_without_a_cached_log(hub: ServedHub) -> None:
    await hub.channel("a")
    for n in range(3):
        await hub.publish("a", body=str(n), tags=["even" if n % 2 == 0 else "odd"], key="k")
    tagged = await hub.call("GET", "/api/v1/channels/a/updates?tag=even&after=0")
    board = await hub.call("GET", "/api/v1/channels/a/board")

    assert [update["body"] for update in tagged.json["updates"]] == ["0", "2"]
    assert board.json["board"]["k"]["body"] == "2"


async def test_a_publish_that_times_out_behind_a_lock_is_not_stored_after_it(settings: Settings) -> None:
    """A statement that waits for the row goes on waiting at the server after its client has given up."""
    async with serving(replace(settings, commit_timeout=0.5)) as hub:
        channel = await hub.channel("a")
        for n in range(2):
            await hub.publish("a", body=f"before {n}")
        other = Database(settings)
        async with other.transaction() as tx:
            await tx.execute(text("UPDATE channels SET last_at = last_at WHERE id = :id"), {"id": channel.id})
            lost = await hub.call("POST", "/api/v1/channels/a/updates", json={"body": "lost"})
        await other.close()
        after = await hub.publish("a", body="after")

        assert (lost.status, lost.code, after["seq"]) == (503, "unavailable", 3)
        assert [body for _, body in await in_history(hub, "a")] == ["before 0", "before 1", "after"]


async def test_a_channel_is_removed_with_its_log_and_nothing_published_meanwhile_is_left(
    hub: ServedHub,
) -> None:
    """PostgreSQL does not check the rows against their channel: the lock of its row keeps them consistent."""
    channel = await hub.channel("ci")
    await hub.publish("ci", body="x", tags=["a"])
    admin = await hub.token("root", admin=True)

    async def publishing() -> list[int]:
        received = []
        for _ in range(40):
            answer = await hub.call("POST", "/api/v1/channels/ci/updates", json={"body": "y", "tags": ["b"]})
            received.append(answer.status)
        return received

    statuses, removed = await asyncio.gather(publishing(), hub.call("DELETE", "/api/v1/channels/ci", token=admin))
    async with hub.services.db.reading() as tx:
        left = [
            (await tx.execute(select(func.count()).where(table.c.channel_id == channel.id))).scalar_one()
            for table in (UPDATES, UPDATE_TAGS)
        ]

    assert removed.status in (200, 204)
    assert set(statuses) <= {201, 404} and statuses[-1] == 404
    assert left == [0, 0]
