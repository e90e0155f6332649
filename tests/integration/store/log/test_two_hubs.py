"""Between two publishes anything may change: the next one goes by what the database holds, whatever was remembered."""

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


def said(slug: str, body: str) -> Submitted:
    return Submitted(slug, ANONYMOUS, check([Draft(body=body)]))


async def in_history(hub: ServedHub, slug: str) -> list[tuple[int, str]]:
    answer = await hub.call("GET", f"/api/v1/channels/{slug}/updates?after=0&limit=1000")
    return [(update["seq"], update["body"]) for update in answer.json["updates"]]


async def test_two_hubs_that_publish_in_turn_number_in_one_row(hub: ServedHub) -> None:
    """Each of them remembers a log that the other has gone on with."""
    await hub.channel("a")
    async with log_of(hub.services.settings) as other:
        for n in range(12):
            await append((hub.services.log, other)[n // 2 % 2], said("a", str(n)))

    assert await in_history(hub, "a") == [(n + 1, str(n)) for n in range(12)]


async def test_a_right_that_went_is_missed_by_the_very_next_publish(hub: ServedHub) -> None:
    channel = await hub.channel("a", publishing="members", members={"ben": Role.READER})
    user = await hub.user("ben")
    ben = Submitted("a", Principal(user.id, "ben"), said("a", "x").submission)

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


async def test_a_log_that_was_emptied_or_removed_is_not_gone_on_with(hub: ServedHub) -> None:
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


async def test_tags_and_board_follow_however_it_was_stored(hub: ServedHub) -> None:
    await hub.channel("a")
    for n in range(3):
        await hub.publish("a", body=str(n), tags=["even" if n % 2 == 0 else "odd"], key="k")
    tagged = await hub.call("GET", "/api/v1/channels/a/updates?tag=even&after=0")
    board = await hub.call("GET", "/api/v1/channels/a/board")

    assert [update["body"] for update in tagged.json["updates"]] == ["0", "2"]
    assert board.json["board"]["k"]["body"] == "2"


async def test_what_was_given_up_behind_a_lock_is_not_stored_after_it(settings: Settings) -> None:
    """A statement that waits for the row goes on waiting at the server when nobody waits for its answer any more."""
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


async def test_a_channel_that_is_removed_takes_its_log_along_and_nothing_is_left_of_what_is_published_meanwhile(
    hub: ServedHub,
) -> None:
    """The rows are not checked against their channel on PostgreSQL: the lock of its row is what keeps them together."""
    channel = await hub.channel("ci")
    await hub.publish("ci", body="x", tags=["a"])
    admin = await hub.token("root", admin=True)

    async def publishing() -> list[int]:
        said = []
        for _ in range(40):
            answer = await hub.call("POST", "/api/v1/channels/ci/updates", json={"body": "y", "tags": ["b"]})
            said.append(answer.status)
        return said

    statuses, removed = await asyncio.gather(publishing(), hub.call("DELETE", "/api/v1/channels/ci", token=admin))
    async with hub.services.db.reading() as tx:
        left = [
            (await tx.execute(select(func.count()).where(table.c.channel_id == channel.id))).scalar_one()
            for table in (UPDATES, UPDATE_TAGS)
        ]

    assert removed.status in (200, 204)
    assert set(statuses) <= {201, 404} and statuses[-1] == 404
    assert left == [0, 0]
