"""The HTTP stream's two forms: how each is chosen, how it opens, how updates look, and its heartbeats."""

import json
from dataclasses import replace

import pytest

from app.config import Settings
from tests.support.hub import ServedHub, serving
from tests.support.streaming import streaming

STREAM = "/api/v1/channels/ci/stream"
NDJSON = "application/x-ndjson"
SSE = "text/event-stream"


@pytest.mark.parametrize(
    ("path", "accept", "media"),
    [
        (STREAM, "*/*", SSE),
        (STREAM, SSE, SSE),
        (STREAM, "text/html", SSE),
        (STREAM, NDJSON, NDJSON),
        (STREAM, f"{NDJSON}; q=0.9, */*; q=0.1", NDJSON),
        ("/ci/sse", NDJSON, SSE),
        ("/ci/json", SSE, NDJSON),
    ],
)
async def test_the_form_is_chosen_by_accept_or_by_path(
    hub_sqlite: ServedHub, path: str, accept: str, media: str
) -> None:
    await hub_sqlite.channel("ci")
    async with streaming(hub_sqlite.url, path, Accept=accept) as stream:
        headers = stream.answer.headers

    assert stream.answer.content_type == media
    assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-store", "no")
    assert headers["X-Request-ID"] != ""


async def test_events_open_with_the_position_and_carry_their_ids(hub: ServedHub) -> None:
    await hub.channel("ci")
    first = await hub.publish("ci", body="one\ntwo", title="ü")
    epoch = first["epoch"]
    async with streaming(hub.url, STREAM + "?after=0") as stream:
        opening, past = await stream.block(), await stream.event()
        second = await hub.publish("ci", body="now")
        live = await stream.event()

    assert opening == {"retry": "2000", "id": f"{epoch}.0"}
    assert past == ("update", f"{epoch}.1", {"type": "update", **first})
    assert live == ("update", f"{epoch}.2", {"type": "update", **second})


async def test_a_live_stream_opens_with_its_start_position(hub: ServedHub) -> None:
    """A browser that loses the stream before the first update reconnects with that id, and misses nothing."""
    await hub.channel("ci")
    epoch = (await hub.publish("ci", body="one"))["epoch"]
    await hub.publish("ci", body="two")
    async with streaming(hub.url) as stream:
        opening = await stream.block()
    await hub.publish("ci", body="missed")
    async with streaming(hub.url, Last_Event_ID=opening["id"]) as stream:
        await stream.block()
        _, event_id, _ = await stream.event()

    assert (opening["id"], event_id) == (f"{epoch}.2", f"{epoch}.3")


async def test_lines_are_the_same_messages_as_on_the_websocket(hub: ServedHub) -> None:
    await hub.channel("ci")
    first = await hub.publish("ci", body="one\ntwo")
    async with streaming(hub.url, "/ci/json?after=0") as stream:
        past = await stream.message()
        second = await hub.publish("ci", body="now")
        live = await stream.message()

    assert (past, live) == ({"type": "update", **first}, {"type": "update", **second})


async def test_a_quiet_stream_sends_heartbeats(settings_sqlite: Settings) -> None:
    async with serving(replace(settings_sqlite, heartbeat=0.1)) as hub:
        await hub.channel("ci")
        async with streaming(hub.url, "/ci/sse") as events, streaming(hub.url, "/ci/json") as lines:
            await events.block()
            heartbeats = [await events.block(), await events.block()], [await lines.line(), await lines.line()]
            stored = await hub.publish("ci", body="x")
            event, line = await events.event(), await lines.message()

    assert all(set(block) == {""} for block in heartbeats[0])
    assert heartbeats[1] == [b"", b""]
    assert event[2] == line == {"type": "update", **stored}


async def test_a_heartbeat_is_sent_every_15_seconds_by_default(settings_sqlite: Settings) -> None:
    assert settings_sqlite.heartbeat == 15


async def test_a_head_request_is_not_counted_as_a_watcher(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.channel("ci")
    await hub_sqlite.call("HEAD", STREAM)
    presence = await hub_sqlite.call("GET", "/api/v1/channels/ci/presence")

    assert presence.json["watching"] == 0


async def test_no_text_of_an_update_ends_a_line_of_a_stream(hub: ServedHub) -> None:
    """U+0085, U+2028 and U+2029 end one for `str.splitlines()`, and for the clients that use it."""
    await hub.channel("ci")
    ends = "a\u2028b\u2029c\u0085d\ve\x1cf"
    stored = await hub.publish("ci", body=ends, key=ends, data={ends: ends})
    async with streaming(hub.url, STREAM + "?after=0", Accept=NDJSON) as stream:
        line = await stream.line()
    async with streaming(hub.url, STREAM + "?after=0") as stream:
        await stream.block()
        event = await stream.event()
    history = await hub.call("GET", "/api/v1/channels/ci/updates")

    assert len(line.decode().splitlines()) == len(history.body.decode().splitlines()) == 1
    assert event[2] == json.loads(line) == {"type": "update", **stored}
    assert (stored["body"], stored["data"], history.json["updates"]) == (ends, {ends: ends}, [stored])
