"""Where an HTTP stream begins, which of two given positions wins, and what a reset looks like there."""

import pytest

from app.actions.channels import empty_channel
from app.actions.retention import trim_logs
from tests.support.hub import ServedHub
from tests.support.streaming import Stream, streaming

STREAM = "/api/v1/channels/ci/stream"


async def published(hub: ServedHub, count: int, *, keep: int | None = None) -> str:
    """Create the channel `ci` with that many updates, of which retention keeps the newest `keep`; return its epoch."""
    await hub.channel("ci", retention_updates=keep)
    batch = {"updates": [{"body": str(n + 1)} for n in range(count)]}
    stored = await hub.call("POST", "/api/v1/channels/ci/updates", json=batch)
    await trim_logs(hub.services.db)
    epoch: str = stored.json["updates"][0]["epoch"]
    return epoch


async def seqs(stream: Stream, count: int) -> list[int]:
    return [(await stream.event())[2]["seq"] for _ in range(count)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [6]),
        ("?after=0", [1, 2, 3, 4, 5, 6]),
        ("?after=3", [4, 5, 6]),
        ("?after=3&epoch=EPOCH", [4, 5, 6]),
        ("?after=5", [6]),
        ("?last=0", [6]),
        ("?last=2", [4, 5, 6]),
        ("?last=1000", [1, 2, 3, 4, 5, 6]),
    ],
)
async def test_a_stream_begins_at_the_requested_position(
    hub_sqlite: ServedHub, query: str, expected: list[int]
) -> None:
    epoch = await published(hub_sqlite, 5)
    async with streaming(hub_sqlite.url, STREAM + query.replace("EPOCH", epoch)) as stream:
        opening = await stream.block()
        await hub_sqlite.publish("ci", body="live")

        assert opening["id"] == f"{epoch}.{expected[0] - 1}"
        assert await seqs(stream, len(expected)) == expected


async def test_last_event_id_wins_over_the_url(hub: ServedHub) -> None:
    """An EventSource that reconnects sends its first URL, and the last id that it received in the header."""
    epoch = await published(hub, 5)
    async with streaming(hub.url, f"{STREAM}?after=1", Last_Event_ID=f"{epoch}.3") as stream:
        opening = await stream.block()
        found = await seqs(stream, 2)

    assert (opening["id"], found) == (f"{epoch}.3", [4, 5])


async def test_an_expired_position_is_reset(hub: ServedHub) -> None:
    epoch = await published(hub, 10, keep=3)
    async with streaming(hub.url, f"{STREAM}?after=2&epoch={epoch}") as stream:
        opening, reset = await stream.block(), await stream.event()
        found = await seqs(stream, 3)

    assert opening == {"retry": "2000"}
    assert reset == ("reset", None, _reset("expired", epoch, 8, 10))
    assert found == [8, 9, 10]


async def test_a_position_of_another_log_is_reset(hub: ServedHub) -> None:
    old = await published(hub, 5)
    epoch = (await empty_channel(hub.services.db, "ci")).epoch
    await hub.publish("ci", body="anew")
    async with streaming(hub.url, Last_Event_ID=f"{old}.1") as stream:
        await stream.block()
        reset, update = await stream.event(), await stream.event()

    assert reset == ("reset", None, _reset("epoch", epoch, 1, 1))
    assert (update[1], update[2]["body"]) == (f"{epoch}.1", "anew")


async def test_a_position_beyond_the_log_is_reset(hub: ServedHub) -> None:
    epoch = await published(hub, 2)
    async with streaming(hub.url, f"{STREAM}?after=9", Accept="application/x-ndjson") as stream:
        reset = await stream.message()
        updates = [await stream.message(), await stream.message()]

    assert reset == _reset("ahead", epoch, 1, 2)
    assert [update["seq"] for update in updates] == [1, 2]


async def test_a_log_emptied_under_a_stream_sends_a_reset(hub: ServedHub) -> None:
    await published(hub, 2)
    async with streaming(hub.url) as events, streaming(hub.url, Accept="application/x-ndjson") as lines:
        await events.block()
        epoch = (await empty_channel(hub.services.db, "ci")).epoch
        reset = await events.event(within=2)
        line = await lines.message(within=2)
        await hub.publish("ci", body="anew")
        update = await events.event()

    assert reset == ("reset", None, _reset("epoch", epoch, 1, 0))
    assert line == reset[2]
    assert update[1] == f"{epoch}.1"


async def test_an_invalid_position_is_refused_by_name(hub_sqlite: ServedHub) -> None:
    await published(hub_sqlite, 1)
    for query, field in {
        "after=x": "after", "after=-1": "after", "after=1.5": "after", "after=²": "after", "after=": "after",
        "last=1001": "last", "last=-1": "last", "after=1&last=1": "last", f"after=1&epoch={'e' * 33}": "epoch",
    }.items():  # fmt: skip
        answer = await hub_sqlite.call("GET", f"{STREAM}?{query}")
        assert (answer.status, answer.code, answer.json["error"]["field"]) == (400, "invalid_request", field), query


async def test_an_event_id_of_another_server_is_reset_and_not_refused(hub_sqlite: ServedHub) -> None:
    epoch = await published(hub_sqlite, 1)
    foreign = ("5", "x", f"{epoch}.", ".5", f"{epoch}.x", f"{epoch}.-1", f"{epoch}.{'9' * 30}", f"{'e' * 33}.1")
    for event_id in (*foreign, "urn:uuid:0c8b", "1700000000000-0", "\xe9.1", f"{epoch}.\xb2", "x" * 8000):
        async with streaming(hub_sqlite.url, f"{STREAM}?last=1", Last_Event_ID=event_id) as stream:
            opening, reset, update = await stream.block(), await stream.event(), await stream.event()

        assert opening == {"retry": "2000"}, event_id
        assert reset == ("reset", None, _reset("epoch", epoch, 1, 1)), event_id
        assert update[1] == f"{epoch}.1", event_id


async def test_lines_reset_an_event_id_of_another_server_too(hub_sqlite: ServedHub) -> None:
    epoch = await published(hub_sqlite, 1)
    async with streaming(hub_sqlite.url, Accept="application/x-ndjson", Last_Event_ID="5") as stream:
        reset = await stream.message()

    assert reset == _reset("epoch", epoch, 1, 1)


def _reset(reason: str, epoch: str, first: int, last: int) -> dict[str, object]:
    return {"type": "reset", "channel": "ci", "reason": reason, "epoch": epoch, "first": first, "last": last}
