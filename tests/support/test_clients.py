"""The watcher and the publisher that test the hub are tested here, with servers that misbehave."""

import json
from typing import Any

import pytest
from quart import Quart, request, websocket

from tests.support.publisher import Publisher
from tests.support.served import served
from tests.support.watcher import Watcher


def update(seq: int, epoch: str = "e1") -> dict[str, Any]:
    return {"type": "update", "channel": "ci", "epoch": epoch, "seq": seq, "body": str(seq)}


def scripted(*connections: list[dict[str, Any]]) -> tuple[Quart, list[dict[str, Any]]]:
    """An application that sends the n-th script in one frame on the n-th connection and closes with 4000 + n.

    The list beside it has the clients' requests. After the last script, connections stay open.
    """
    app, requests = Quart(__name__), []

    @app.websocket("/api/v1/ws")
    async def ws() -> None:
        requests.append(json.loads(await websocket.receive()))
        if len(requests) > len(connections):
            await websocket.receive()
        script = connections[len(requests) - 1]
        confirmed = {"type": "subscribed", "channel": "ci", "epoch": "e1", "seq": 0, "resumed": True}
        await websocket.send("\n".join(json.dumps(message) for message in [confirmed, *script]))
        await websocket.close(4000 + len(requests))

    return app, requests


async def test_a_watcher_resumes_from_its_position() -> None:
    app, requests = scripted([update(1), update(2)], [update(3)])

    async with served(app) as url, Watcher(url, channel="ci") as watcher:
        await watcher.seen(3)
        assert await watcher.closed(times=2) == 4002

    assert [(each["after"], each.get("epoch")) for each in requests[:2]] == [(0, None), (2, "e1")]
    watcher.assert_whole(3)


async def test_a_watcher_follows_a_reset_into_the_new_epoch() -> None:
    reset = {"type": "reset", "channel": "ci", "reason": "epoch", "epoch": "e2", "first": 1, "last": 1}
    app, requests = scripted([update(7)], [reset, update(1, "e2")], [])

    async with served(app) as url, Watcher(url, channel="ci", after=6) as watcher:
        await watcher.closed(times=3)

    assert [(each["after"], each.get("epoch")) for each in requests[:3]] == [(6, None), (7, "e1"), (1, "e2")]
    assert [each["reason"] for each in watcher.resets] == ["epoch"]


@pytest.mark.parametrize("wrong", [[1, 3], [1, 2, 2, 3], [2, 1, 3], [1, 2], [1, 2, 3, 4]])
async def test_a_gap_a_repeat_and_a_wrong_order_are_detected(wrong: list[int]) -> None:
    app, _ = scripted([update(seq) for seq in wrong])

    async with served(app) as url, Watcher(url, channel="ci", resume=False) as watcher:
        await watcher.closed()

    with pytest.raises(AssertionError, match="missing"):
        watcher.assert_whole(3)


async def test_waiting_for_a_missing_update_fails_with_the_number_received() -> None:
    app, _ = scripted([update(1)])

    async with served(app) as url, Watcher(url, channel="ci", resume=False) as watcher:
        with pytest.raises(AssertionError, match=r"no seq 2, and the watcher has ended: .* 1 updates"):
            await watcher.seen(2)


async def test_a_publisher_repeats_with_the_same_key_until_it_is_answered() -> None:
    app, keys = Quart(__name__), []

    @app.post("/api/v1/channels/ci/updates")
    async def publish() -> tuple[dict[str, Any], int]:
        keys.append(request.headers["Idempotency-Key"])
        status = [503, 201, 200][len(keys) - 1]
        return {"seq": len(keys)}, status

    async with served(app) as url, Publisher(url, channel="ci", name="ana") as publisher:
        await publisher.publish_many(2)

    assert keys == ["ana-1", "ana-1", "ana-2"]
    assert [(answer.key, answer.status, answer.seq, answer.tries) for answer in publisher.answered] == [
        ("ana-1", 201, 2, 2),
        ("ana-2", 200, 3, 1),
    ]


async def test_a_publisher_stops_at_a_permanent_error() -> None:
    async with served(Quart(__name__)) as url, Publisher(url, channel="ci") as publisher:
        with pytest.raises(AssertionError, match="404"):
            await publisher.publish()
