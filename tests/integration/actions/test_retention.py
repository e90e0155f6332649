"""Retention: old updates are removed by age and by count, the board outlives them, and watchers are notified."""

import asyncio
from dataclasses import replace
from typing import Any

from sqlalchemy import func, select, update

from app.actions.follow import follow
from app.actions.retention import trim_logs
from app.clock import now_ms
from app.config import Settings
from app.model.access import ANONYMOUS
from app.model.position import Now
from app.store.engine.database import Database
from app.store.tables import UPDATE_TAGS, UPDATES
from tests.support.hub import ServedHub, serving
from tests.support.stalling_sink import StallingSink
from tests.support.stream_watcher import LineWatcher, SseWatcher
from tests.support.watcher import Watcher

PATH = "/api/v1/channels/ci"
DAY = 86_400_000


async def filled(hub: ServedHub, count: int, **more: Any) -> None:
    for first in range(0, count, 500):
        bodies = [{"body": f"number {n}", "tags": ["t"], **more} for n in range(first + 1, min(first + 500, count) + 1)]
        answer = await hub.call("POST", f"{PATH}/updates", json={"updates": bodies})
        assert answer.status == 201, answer


async def in_log(hub: ServedHub) -> list[int]:
    answer = await hub.call("GET", f"{PATH}/updates?after=0&limit=1000")
    return [each["seq"] for each in answer.json["updates"]]


async def aged(hub: ServedHub, up_to: int, days: float) -> None:
    """Set the age of the updates up to that seq."""
    async with hub.services.db.transaction() as tx:
        await tx.execute(update(UPDATES).where(UPDATES.c.seq <= up_to).values(at=now_ms() - round(days * DAY)))


async def test_only_the_newest_are_kept_by_count(hub: ServedHub) -> None:
    await hub.channel("ci", retention_updates=3)
    await filled(hub, 10)
    removed = await trim_logs(hub.services.db)
    again = await trim_logs(hub.services.db)
    channel = (await hub.call("GET", PATH)).json
    tagged = await hub.call("GET", f"{PATH}/updates?tag=t&after=0")

    assert (removed, again, await in_log(hub)) == (7, 0, [8, 9, 10])
    assert (channel["first_seq"], channel["last_seq"]) == (8, 10)
    assert [each["seq"] for each in tagged.json["updates"]] == [8, 9, 10]
    assert (await hub.publish("ci", body="next"))["seq"] == 11


async def test_old_updates_are_removed_by_age(hub: ServedHub) -> None:
    await hub.channel("ci", retention_days=2)
    await filled(hub, 6)
    await aged(hub, 4, days=1.9)
    young = await trim_logs(hub.services.db)
    await aged(hub, 4, days=2.1)
    removed = await trim_logs(hub.services.db)

    assert (young, removed, await in_log(hub)) == (0, 4, [5, 6])


async def test_a_log_may_become_empty_and_continues_its_numbering(hub: ServedHub) -> None:
    channel = await hub.channel("ci", retention_days=1)
    await filled(hub, 3)
    await aged(hub, 3, days=2)
    removed = await trim_logs(hub.services.db)
    shown = (await hub.call("GET", PATH)).json
    stored = await hub.publish("ci", body="next")

    assert (removed, shown["first_seq"], shown["last_seq"]) == (3, 4, 3)
    assert (stored["seq"], stored["epoch"], await in_log(hub)) == (4, channel.epoch, [4])


async def test_the_stricter_of_the_two_limits_applies(hub: ServedHub) -> None:
    await hub.channel("ci", retention_days=1, retention_updates=5)
    await filled(hub, 10)
    by_count = await trim_logs(hub.services.db)
    await aged(hub, 8, days=2)
    by_age = await trim_logs(hub.services.db)

    assert (by_count, by_age, await in_log(hub)) == (5, 3, [9, 10])


async def test_a_channel_without_a_retention_keeps_everything(hub: ServedHub) -> None:
    await hub.channel("ci")
    await filled(hub, 5)
    await aged(hub, 5, days=10_000)

    assert (await trim_logs(hub.services.db), await in_log(hub)) == (0, [1, 2, 3, 4, 5])


async def test_the_board_outlives_the_history(hub: ServedHub) -> None:
    await hub.channel("ci", retention_updates=2)
    for key, more in (
        ("a", {"value": 1}), ("a", {"value": 2}), ("b", {"value": 3}), ("c", {"value": 4}), ("c", {"gone": True}),
        ("b", {"value": 6}), ("d", {"value": 7}),
    ):  # fmt: skip
        await hub.publish("ci", key=key, tags=["t"], **more)
    before = [(await hub.call("GET", f"{PATH}/board?at={at}")).json["board"] for at in (5, 6, 7)]
    await trim_logs(hub.services.db)
    after = [(await hub.call("GET", f"{PATH}/board?at={at}")).json["board"] for at in (5, 6, 7)]
    earlier = await hub.call("GET", f"{PATH}/board?at=4")
    async with hub.services.db.reading() as tx:
        kept = (await tx.execute(select(UPDATES.c.seq).order_by(UPDATES.c.seq))).scalars().all()
        tags = (await tx.execute(select(func.count()).select_from(UPDATE_TAGS))).scalar_one()

    assert before == after
    assert {key: each["seq"] for key, each in after[2].items()} == {"a": 2, "b": 6, "d": 7}
    assert (await in_log(hub), kept, tags) == ([6, 7], [2, 3, 6, 7], 2)
    assert (earlier.status, earlier.json["error"]["field"]) == (400, "at")


async def test_an_update_kept_for_the_board_is_removed_once_it_is_superseded(hub: ServedHub) -> None:
    await hub.channel("ci", retention_updates=1)
    for value in range(1, 6):
        await hub.publish("ci", key="a", value=value)
        await trim_logs(hub.services.db)
    await hub.publish("ci", key="a", gone=True)
    await hub.publish("ci", body="last")
    await trim_logs(hub.services.db)
    async with hub.services.db.reading() as tx:
        kept = (await tx.execute(select(UPDATES.c.seq))).scalars().all()

    assert kept == [7]
    assert (await hub.call("GET", f"{PATH}/board")).json["board"] == {}


async def test_several_processes_trim_each_update_once(hub: ServedHub) -> None:
    await hub.channel("ci", retention_updates=10)
    await filled(hub, 5000)
    databases = [hub.services.db, Database(hub.services.settings), Database(hub.services.settings)]
    publishing = asyncio.create_task(filled(hub, 100))
    removed = await asyncio.gather(*[trim_logs(db) for db in databases])
    await publishing
    rest = await trim_logs(hub.services.db)
    for db in databases[1:]:
        await db.close()

    assert sum(removed) + rest == 5090
    assert await in_log(hub) == list(range(5091, 5101))


async def test_the_hub_trims_by_itself_and_watchers_that_saw_the_updates_get_no_reset(settings: Settings) -> None:
    async with serving(replace(settings, retention_interval=0.1)) as hub:
        await hub.channel("ci", retention_updates=2)
        async with Watcher(hub.url, channel="ci") as watcher:
            await filled(hub, 9)
            await watcher.seen(9)
            async with asyncio.timeout(10):
                while await in_log(hub) != [8, 9]:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

            watcher.assert_whole(9)
            assert watcher.resets == []


async def test_a_client_at_an_expired_position_gets_a_reset_and_the_rest(hub: ServedHub) -> None:
    await hub.channel("ci", retention_updates=3)
    await filled(hub, 10)
    await trim_logs(hub.services.db)
    for kind in (Watcher, SseWatcher, LineWatcher):
        async with kind(hub.url, channel="ci", after=2) as watcher:
            await watcher.seen(10)

        reset = watcher.resets[0]
        assert (reset["reason"], reset["first"], reset["last"], len(watcher.resets)) == ("expired", 8, 10, 1)
        watcher.assert_whole(10, first=8)
        assert kind is not Watcher or watcher.subscribed[0]["resumed"] is False


async def test_a_live_watcher_that_retention_overtakes_gets_a_reset_and_others_get_none(
    settings: Settings,
) -> None:
    """The slow watcher keeps its position while others advance, and neither ring nor log reaches back to it."""
    async with serving(replace(settings, ring_updates=2)) as hub:
        await hub.channel("ci", retention_updates=3)
        services = hub.services
        slow = StallingSink()
        async with Watcher(hub.url, channel="ci", after=0) as live:
            watch = (await follow(services.admissions, services.hub, ANONYMOUS, "ci", Now())).watch
            watch.follow(slow, slow.notify)
            await live.live()
            await filled(hub, 1)
            await slow.seen(1)
            slow.stall()
            # One by one, so that no other watcher reads a page of the log, which would be kept.
            for newest in range(2, 11):
                await filled(hub, 1)
                await live.seen(newest)
            await trim_logs(services.db)
            slow.go_on()
            await slow.seen(10)

        (reset,) = slow.resets
        assert (reset.reason, reset.first, reset.last) == ("expired", 8, 10)
        assert slow.seqs == [1, 8, 9, 10]
        assert live.resets == []
        live.assert_whole(10)


async def test_an_idempotency_key_is_kept_as_long_as_its_update(hub: ServedHub) -> None:
    await hub.channel("ci", retention_updates=1)
    headers = {"Idempotency-Key": "k"}
    first = await hub.call("POST", f"{PATH}/updates", json={"body": "x"}, headers=headers)
    replayed = await hub.call("POST", f"{PATH}/updates", json={"body": "x"}, headers=headers)
    await hub.publish("ci", body="y")
    await trim_logs(hub.services.db)
    anew = await hub.call("POST", f"{PATH}/updates", json={"body": "x"}, headers=headers)

    assert [answer.status for answer in (first, replayed, anew)] == [201, 200, 201]
    assert anew.json["seq"] == 3
