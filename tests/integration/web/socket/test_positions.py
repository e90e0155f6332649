"""Where a subscription begins: now, after a position, with the newest few; and the reset where that can't be."""

from typing import Any

import pytest

from app.actions.channels import empty_channel
from app.actions.retention import trim_logs
from tests.support.hub import ServedHub
from tests.support.talker import Message, Talker, talking
from tests.support.watcher import Watcher


async def published(hub: ServedHub, count: int, slug: str = "ci", **channel: Any) -> str:
    """Create a channel with that many updates, numbered in their bodies; return its epoch."""
    await hub.channel(slug, **channel)
    batch = {"updates": [{"body": str(n + 1)} for n in range(count)]}
    stored = (await hub.call("POST", f"/api/v1/channels/{slug}/updates", json=batch)).json["updates"]
    epoch: str = stored[0]["epoch"]
    return epoch


async def trimmed(hub: ServedHub, kept: int, count: int) -> str:
    """Create a channel that had that many updates and keeps the newest few; return its epoch."""
    epoch = await published(hub, count, retention_updates=kept)
    assert await trim_logs(hub.services.db) == count - kept
    return epoch


async def begun(talker: Talker, updates: int = 0, **position: Any) -> tuple[Message, list[int]]:
    """Subscribe; return the answer, and the seqs of that many updates after it."""
    answer = await talker.ask({"type": "subscribe", "ref": 1, "channel": "ci", **position})
    return answer, [update["seq"] for update in await talker.receive_all(updates)]


def subscribed(epoch: str, seq: int, *, resumed: bool = True) -> Message:
    return {"type": "subscribed", "ref": 1, "channel": "ci", "epoch": epoch, "seq": seq, "resumed": resumed}


def reset(reason: str, epoch: str, first: int, last: int) -> Message:
    return {"type": "reset", "channel": "ci", "reason": reason, "epoch": epoch, "first": first, "last": last}


async def test_without_a_position_a_subscription_is_live_from_now(hub: ServedHub) -> None:
    epoch = await published(hub, 3)
    async with talking(hub.url) as talker:
        answer, _ = await begun(talker)
        stored = await hub.publish("ci", body="now")
        update = await talker.receive()

    assert answer == subscribed(epoch, 3)
    assert update == {"type": "update", **stored}
    assert next(iter(update)) == "type"


@pytest.mark.parametrize("with_epoch", [False, True])
async def test_after_a_seq_everything_after_it_follows_then_live(hub: ServedHub, with_epoch: bool) -> None:
    epoch = await published(hub, 5)
    async with talking(hub.url) as talker:
        answer, seqs = await begun(talker, 3, after=2, **({"epoch": epoch} if with_epoch else {}))
        await hub.publish("ci", body="live")
        live = await talker.receive()

    assert answer == subscribed(epoch, 5)
    assert [*seqs, live["seq"]] == [3, 4, 5, 6]


async def test_after_the_newest_nothing_follows_but_what_is_live(hub: ServedHub) -> None:
    epoch = await published(hub, 5)
    async with talking(hub.url) as talker:
        answer, _ = await begun(talker, after=5, epoch=epoch)
        await hub.publish("ci", body="live")
        live = await talker.receive()

    assert answer == subscribed(epoch, 5)
    assert live["seq"] == 6


@pytest.mark.parametrize(("last", "expected"), [(0, []), (2, [4, 5]), (1000, [1, 2, 3, 4, 5])])
async def test_last_gives_the_newest_few_then_live(hub: ServedHub, last: int, expected: list[int]) -> None:
    epoch = await published(hub, 5)
    async with talking(hub.url) as talker:
        answer, seqs = await begun(talker, len(expected), last=last)
        await hub.publish("ci", body="live")
        live = await talker.receive()

    assert answer == subscribed(epoch, 5)
    assert [*seqs, live["seq"]] == [*expected, 6]


async def test_last_gives_what_retention_left(hub: ServedHub) -> None:
    epoch = await trimmed(hub, 3, 10)
    async with talking(hub.url) as talker:
        answer, seqs = await begun(talker, 3, last=8)

    assert answer == subscribed(epoch, 10)
    assert seqs == [8, 9, 10]


async def test_an_empty_channel_is_followed_from_its_first_update(hub: ServedHub) -> None:
    await hub.channel("ci")
    async with Watcher(hub.url, channel="ci", after=0) as watcher:
        answer = await watcher.live()
        await hub.publish("ci", body="first")
        await watcher.seen(1)

    assert (answer["seq"], answer["resumed"]) == (0, True)
    watcher.assert_whole(1)


async def test_a_position_that_retention_passed_is_reset_as_expired(hub: ServedHub) -> None:
    epoch = await trimmed(hub, 3, 10)
    async with talking(hub.url) as talker:
        answer = await talker.ask({"type": "subscribe", "ref": 1, "channel": "ci", "after": 2, "epoch": epoch})
        message = await talker.receive()
        seqs = [update["seq"] for update in await talker.receive_all(3)]

    assert answer == subscribed(epoch, 10, resumed=False)
    assert message == reset("expired", epoch, 8, 10)
    assert seqs == [8, 9, 10]


async def test_the_oldest_position_that_is_whole_is_served(hub: ServedHub) -> None:
    epoch = await trimmed(hub, 3, 10)
    async with talking(hub.url) as talker:
        answer, seqs = await begun(talker, 3, after=7, epoch=epoch)

    assert answer == subscribed(epoch, 10)
    assert seqs == [8, 9, 10]


async def test_a_position_of_another_log_is_reset_as_epoch(hub: ServedHub) -> None:
    old = await published(hub, 5)
    epoch = (await empty_channel(hub.services.db, "ci")).epoch
    await hub.publish("ci", body="anew")
    async with talking(hub.url) as talker:
        answer = await talker.ask({"type": "subscribe", "ref": 1, "channel": "ci", "after": 1, "epoch": old})
        message, update = await talker.receive_all(2)

    assert old != epoch
    assert answer == subscribed(epoch, 1, resumed=False)
    assert message == reset("epoch", epoch, 1, 1)
    assert (update["seq"], update["epoch"], update["body"]) == (1, epoch, "anew")


async def test_a_position_beyond_the_log_is_reset_as_ahead(hub: ServedHub) -> None:
    epoch = await published(hub, 2)
    async with talking(hub.url) as talker:
        answer = await talker.ask({"type": "subscribe", "ref": 1, "channel": "ci", "after": 9})
        message = await talker.receive()
        seqs = [update["seq"] for update in await talker.receive_all(2)]

    assert answer == subscribed(epoch, 2, resumed=False)
    assert message == reset("ahead", epoch, 1, 2)
    assert seqs == [1, 2]


async def test_a_log_emptied_under_a_watcher_sends_a_reset_and_goes_on_from_1(hub: ServedHub) -> None:
    await published(hub, 2)
    async with talking(hub.url) as talker:
        await begun(talker)
        epoch = (await empty_channel(hub.services.db, "ci")).epoch
        message = await talker.receive(within=2)
        await hub.publish("ci", body="anew")
        update = await talker.receive()

    assert message == reset("epoch", epoch, 1, 0)
    assert (update["seq"], update["epoch"]) == (1, epoch)


async def test_a_log_emptied_and_filled_under_a_watcher_sends_a_reset_before_its_updates(hub: ServedHub) -> None:
    await published(hub, 2)
    async with talking(hub.url) as talker:
        await begun(talker)
        epoch = (await empty_channel(hub.services.db, "ci")).epoch
        for n in range(3):
            await hub.publish("ci", body=str(n))
        message, *updates = await talker.receive_all(4)

    assert (message["type"], message["reason"], message["epoch"], message["first"]) == ("reset", "epoch", epoch, 1)
    assert [(update["epoch"], update["seq"]) for update in updates] == [(epoch, 1), (epoch, 2), (epoch, 3)]


async def test_retention_takes_nothing_from_a_live_watcher(hub: ServedHub) -> None:
    await published(hub, 10, retention_updates=2)
    async with Watcher(hub.url, channel="ci", after=0) as watcher:
        await watcher.seen(10)
        await trim_logs(hub.services.db)
        await hub.publish("ci", body="more")
        await watcher.seen(11)

    watcher.assert_whole(11)
    assert watcher.resets == []


async def test_a_long_history_and_live_updates_are_one_unbroken_run(hub: ServedHub) -> None:
    """The history is longer than a page, and updates go on being published while it is read."""
    epoch = await published(hub, 500)
    batch = {"updates": [{"body": "x" * 200}] * 500}
    for _ in range(2):
        await hub.call("POST", "/api/v1/channels/ci/updates", json=batch)
    async with Watcher(hub.url, channel="ci", after=0, epoch=epoch) as watcher:
        for _ in range(50):
            await hub.publish("ci", body="live")
        await watcher.seen(1550)

    watcher.assert_whole(1550)
    assert watcher.connections == 1
