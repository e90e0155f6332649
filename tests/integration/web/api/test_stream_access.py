"""Access to HTTP streams: a refusal is answered before the stream begins, and a deletion ends it with a message."""

from contextlib import AsyncExitStack

import pytest

from app.config import Settings
from tests.support.hub import ServedHub, serving
from tests.support.streaming import streaming

STREAM = "/api/v1/channels/secret/stream"


@pytest.mark.parametrize("path", [STREAM, "/secret/sse", "/secret/json"])
async def test_a_private_stream_answers_exactly_as_a_missing_one(hub: ServedHub, path: str) -> None:
    await hub.private("secret")
    for token in (None, await hub.token("cyd"), await hub.token("ana", channel="lobby")):
        secret = await hub.call("GET", path, token=token)
        missing = await hub.call("GET", path.replace("secret", "sicret"), token=token)

        assert (secret.status, secret.code) == (missing.status, missing.code) == (404, "not_found")
        assert secret.json["error"]["message"].replace("secret", "sicret") == missing.json["error"]["message"]


async def test_a_bad_token_or_one_without_the_right_is_refused_before_the_stream(hub: ServedHub) -> None:
    await hub.private("secret")
    unknown = await hub.call("GET", STREAM, token="tw_unknown")
    writer = await hub.call("GET", STREAM, token=await hub.token("ana", scopes=["publish"]))

    assert (unknown.status, unknown.code) == (401, "unauthenticated")
    assert unknown.headers["WWW-Authenticate"].startswith("Bearer")
    assert (writer.status, writer.code) == (403, "forbidden")
    assert "'read'" in writer.json["error"]["message"]


async def test_members_stream_their_private_channel(hub: ServedHub) -> None:
    await hub.private("secret")
    stored = await hub.publish("secret", token=await hub.token("ana"), body="for us")
    async with streaming(hub.url, "/secret/json?after=0", token=await hub.token("ben")) as stream:
        message = await stream.message()

    assert message == {"type": "update", **stored}


async def test_a_ticket_opens_one_stream(hub: ServedHub) -> None:
    await hub.private("secret")
    answer = await hub.call("POST", "/api/v1/tickets", token=await hub.token("ben"))
    path = f"{STREAM}?ticket={answer.json['ticket']}"
    async with streaming(hub.url, path) as stream:
        opening = await stream.block()
    again = await hub.call("GET", path)

    assert (answer.status, answer.json["expires_in"], answer.headers["Cache-Control"]) == (201, 60, "no-store")
    assert opening["retry"] == "2000"
    assert (again.status, again.code) == (401, "unauthenticated")


async def test_a_deleted_channel_ends_its_streams_with_a_message(hub: ServedHub) -> None:
    token = await hub.token("ana")
    await hub.channel("ci", owner="ana")
    async with streaming(hub.url, "/ci/sse") as events, streaming(hub.url, "/ci/json") as lines:
        await events.block()
        await hub.call("DELETE", "/api/v1/channels/ci", token=token)
        event, line = await events.event(within=2), await lines.message(within=2)
        rest = await events.rest(), await lines.rest()

    assert event == ("unsubscribed", None, line)
    assert line == {"type": "unsubscribed", "channel": "ci", "reason": "deleted"}
    assert rest == (b"", b"")


async def test_a_shutdown_ends_streams_in_an_orderly_way_without_a_message(settings: Settings) -> None:
    """A browser reconnects after `retry`; a message would mean that there is nothing to reconnect to."""
    async with AsyncExitStack() as clients:
        async with serving(settings) as hub:
            await hub.channel("ci")
            events = await clients.enter_async_context(streaming(hub.url, "/ci/sse"))
            lines = await clients.enter_async_context(streaming(hub.url, "/ci/json"))
            await events.block()
            await hub.publish("ci", body="last")
            await events.event()
            await lines.message()

        assert (await events.rest(), await lines.rest()) == (b"", b"")
