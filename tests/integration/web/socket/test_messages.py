"""Messages on a websocket: every one is answered with its ref, and an invalid one does not end the connection."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from app.config import Settings
from tests.support.hub import ServedHub, serving
from tests.support.raw_socket import BINARY, CLOSE, TEXT, RawSocket, frame
from tests.support.talker import Message, talking

MAX_FRAME_BYTES = 98_304  # websocket_max_message_size of hypercorn.toml


def port(hub: ServedHub) -> int:
    return int(hub.url.rpartition(":")[2])


async def test_welcome_is_sent_first_and_names_the_user(hub_sqlite: ServedHub) -> None:
    token = await hub_sqlite.token("ana")
    async with (
        talking(hub_sqlite.url, welcomed=False) as anonymous,
        talking(hub_sqlite.url, token=token, welcomed=False) as ana,
    ):
        welcomes = await anonymous.receive(), await ana.receive()

    server = welcomes[0].pop("server")
    assert welcomes[0] == {"type": "welcome", "user": None, "max_update_bytes": 65536}
    assert welcomes[1] == {"type": "welcome", "server": server, "user": "ana", "max_update_bytes": 65536}
    assert server.startswith("tidewire/")


async def test_an_answer_is_one_line_whatever_the_client_sent(hub_sqlite: ServedHub) -> None:
    async with talking(hub_sqlite.url) as talker:
        await talker.send({"type": "ping", "ref": "a\u2028b\u0085c"})
        text = await talker.socket.receive_str(timeout=5)

    assert (text.splitlines(), json.loads(text)["ref"]) == ([text], "a\u2028b\u0085c")


@pytest.mark.parametrize(
    ("offered", "confirmed"),
    [(["tidewire.v1"], "tidewire.v1"), (["other", "tidewire.v1"], "tidewire.v1"), (["other"], None), ([], None)],
)
async def test_the_subprotocol_is_confirmed_where_it_was_offered(
    hub_sqlite: ServedHub, offered: list[str], confirmed: str | None
) -> None:
    async with talking(hub_sqlite.url, protocols=offered) as talker:
        pong = await talker.ask({"type": "ping"})

    assert (talker.socket.protocol, pong) == (confirmed, {"type": "pong"})


async def test_compression_is_declined(hub_sqlite: ServedHub) -> None:
    """A compressor per connection would cost memory, and prevent the sharing of encoded bytes."""
    async with RawSocket(port(hub_sqlite)) as raw:
        await raw.send(
            b"GET /api/v1/ws HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
        )
        head = (await raw.until(b"\r\n\r\n")).lower()

    assert head.startswith(b"http/1.1 101 ")
    assert b"sec-websocket-extensions" not in head


async def test_every_answer_carries_the_ref(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.channel("ci")
    asked: list[Message] = [
        {"type": "publish", "channel": "ci", "update": {"body": "x"}},
        {"type": "subscribe", "channel": "ci"},
        {"type": "unsubscribe", "channel": "ci"},
        {"type": "subscribe", "channel": "nowhere"},
        {"type": "presence", "channel": "nowhere"},
        {"type": "nonsense"},
        {"type": "ping"},
    ]
    refs: list[int | str] = [1, 0, -7, "seven", ""]
    async with talking(hub_sqlite.url) as talker:
        answers = [await talker.ask({**message, "ref": ref}) for ref in refs for message in asked]

    kinds = ["published", "subscribed", "unsubscribed", "error", "error", "error", "pong"]
    assert [(answer["type"], answer["ref"]) for answer in answers] == [(kind, ref) for ref in refs for kind in kinds]


async def test_without_a_ref_the_answer_has_none(hub_sqlite: ServedHub) -> None:
    async with talking(hub_sqlite.url) as talker:
        pong, error = await talker.ask({"type": "ping"}), await talker.ask({"type": "?"})

    assert pong == {"type": "pong"}
    assert "ref" not in error


WRONG: dict[str, str] = {
    '{"type": "dance", "ref": 1}': "type",
    '{"ref": 1}': "type",
    '{"type": ["ping"], "ref": 1}': "type",
    '{"type": "subscribe", "ref": 1}': "channel",
    '{"type": "subscribe", "ref": 1, "channel": 5}': "channel",
    '{"type": "subscribe", "ref": 1, "channel": "lobby", "after": "x"}': "after",
    '{"type": "subscribe", "ref": 1, "channel": "lobby", "after": -1}': "after",
    '{"type": "subscribe", "ref": 1, "channel": "lobby", "after": 1e30}': "after",
    '{"type": "subscribe", "ref": 1, "channel": "lobby", "last": 1001}': "last",
    '{"type": "subscribe", "ref": 1, "channel": "lobby", "last": 1, "after": 1}': "last",
    '{"type": "subscribe", "ref": 1, "channel": "lobby", "after": 1, "epoch": 4}': "epoch",
    '{"type": "unsubscribe", "ref": 1, "channel": "lobby"}': "channel",
    '{"type": "presence", "ref": 1, "channel": "lobby", "on": "yes"}': "on",
    '{"type": "publish", "ref": 1, "channel": "lobby"}': "update",
}


async def test_an_invalid_field_is_named_and_the_connection_goes_on(hub_sqlite: ServedHub) -> None:
    answers: dict[str, Message] = {}
    async with talking(hub_sqlite.url) as talker:
        for text in WRONG:
            await talker.socket.send_str(text)
            answers[text] = await talker.receive()
        pong = await talker.ask({"type": "ping", "ref": 2})

    found = {text: (answer["code"], answer["field"], answer["ref"]) for text, answer in answers.items()}
    assert found == {text: ("invalid_request", field, 1) for text, field in WRONG.items()}
    assert [text for text, answer in answers.items() if answer["field"] not in answer["message"]] == []
    assert pong == {"type": "pong", "ref": 2}


async def test_text_that_is_no_message_is_refused_without_a_ref(hub_sqlite: ServedHub) -> None:
    texts = ["hello", '{"type": "ping"', "[]", "7", "null", '"ping"', '{"type": "ping", "ref": {}}', '{"a": NaN}']
    async with talking(hub_sqlite.url) as talker:
        for text in (*texts, "[" * 9000):
            await talker.socket.send_str(text)
        errors = await talker.receive_all(len(texts) + 1)
        pong = await talker.ask({"type": "ping", "ref": 2})

    assert {(error["type"], error["code"], "ref" in error) for error in errors} == {("error", "invalid_request", False)}
    assert pong == {"type": "pong", "ref": 2}


async def test_a_binary_frame_is_refused(hub_sqlite: ServedHub) -> None:
    async with RawSocket(port(hub_sqlite)) as raw:
        await raw.upgrade()
        await raw.message("welcome")
        for payload in (b"", b"\x00\xff", b'{"type": "ping"}'):
            await raw.send(frame(BINARY, payload))
            (error,) = await raw.messages()
            assert (error["code"], error["field"]) == ("invalid_request", None)
        await raw.send_message({"type": "ping", "ref": 2})

        assert await raw.messages() == [{"type": "pong", "ref": 2}]


async def test_a_frame_may_hold_several_messages(hub_sqlite: ServedHub) -> None:
    async with talking(hub_sqlite.url) as talker:
        await talker.send(*[{"type": "ping", "ref": n} for n in range(50)])
        pongs = await talker.receive_all(50)

    assert [pong["ref"] for pong in pongs] == list(range(50))


async def test_a_bad_line_does_not_affect_its_neighbours(hub_sqlite: ServedHub) -> None:
    async with talking(hub_sqlite.url) as talker:
        for bad in ("not json", '{"type": "dance"}', '{"type": "ping"', "7"):
            await talker.socket.send_str(f'{{"type": "ping", "ref": 1}}\n{bad}\n\n{{"type": "ping", "ref": 3}}\n')
            before, error, after = await talker.receive_all(3, within=2)

            assert (before, after) == ({"type": "pong", "ref": 1}, {"type": "pong", "ref": 3}), bad
            assert error["code"] == "invalid_request"


async def test_one_message_may_be_printed_over_several_lines(hub_sqlite: ServedHub) -> None:
    async with talking(hub_sqlite.url) as talker:
        await talker.socket.send_str(json.dumps({"type": "ping", "ref": 1}, indent=2))

        assert await talker.receive() == {"type": "pong", "ref": 1}


async def test_a_message_in_fragments_is_one(hub_sqlite: ServedHub) -> None:
    async with RawSocket(port(hub_sqlite)) as raw:
        await raw.upgrade()
        await raw.message("welcome")
        await raw.send(frame(TEXT, b'{"type": "pi', fin=False) + frame(0, b'ng", "ref": 1}'))

        assert await raw.messages() == [{"type": "pong", "ref": 1}]


async def test_a_frame_over_the_limit_closes_with_1009(hub_sqlite: ServedHub) -> None:
    async with RawSocket(port(hub_sqlite)) as raw:
        await raw.upgrade()
        await raw.message("welcome")
        await raw.send(frame(TEXT, b" " * (MAX_FRAME_BYTES + 1)))
        found = await raw.frame()

    assert (found.opcode, found.code) == (CLOSE, 1009)


async def test_a_frame_within_the_limit_is_answered(hub_sqlite: ServedHub) -> None:
    async with talking(hub_sqlite.url) as talker:
        await talker.socket.send_str('{"type": "ping"}'.ljust(MAX_FRAME_BYTES))

        assert await talker.receive() == {"type": "pong"}


async def test_a_channel_is_followed_once_by_one_connection(hub: ServedHub) -> None:
    await hub.channel("ci")
    async with talking(hub.url) as talker:
        first = await talker.ask({"type": "subscribe", "ref": 1, "channel": "ci"})
        second = await talker.ask({"type": "subscribe", "ref": 2, "channel": "ci", "last": 5})
        stored = await hub.publish("ci", body="once")
        received = await talker.ask({"type": "ping"}), await talker.receive()

    assert (first["type"], second["code"], second["field"], second["ref"]) == ("subscribed", "conflict", "channel", 2)
    assert sorted(received, key=lambda message: message["type"]) == [{"type": "pong"}, {"type": "update", **stored}]


async def test_nothing_of_a_channel_is_sent_after_unsubscribed(hub: ServedHub) -> None:
    await hub.channel("ci")
    async with talking(hub.url) as talker:
        await talker.ask({"type": "subscribe", "channel": "ci"})
        answer = await talker.ask({"type": "unsubscribe", "ref": 4, "channel": "ci"})
        await hub.publish("ci", body="missed")
        again = await talker.ask({"type": "unsubscribe", "ref": 5, "channel": "ci"})
        back = await talker.ask({"type": "subscribe", "ref": 6, "channel": "ci", "after": 0})
        update = await talker.receive()

    assert answer == {"type": "unsubscribed", "ref": 4, "channel": "ci", "reason": "asked"}
    assert (again["type"], again["field"]) == ("error", "channel")
    assert (back["type"], update["seq"]) == ("subscribed", 1)


async def test_a_subscription_may_end_and_begin_while_updates_are_published(hub: ServedHub) -> None:
    """Each subscription receives a run without a gap, whatever the timing."""
    await hub.channel("ci")
    async with talking(hub.url) as talker, asyncio.TaskGroup() as tasks:
        tasks.create_task(_publish(hub, "ci", 60))
        after = 0
        while after < 60:
            await talker.ask({"type": "subscribe", "channel": "ci", "after": after})
            seqs = [(await talker.receive())["seq"]]
            await talker.send({"type": "unsubscribe", "channel": "ci"})
            seqs += [update["seq"] for update in (await talker.receive_until("unsubscribed"))[:-1]]
            assert seqs == list(range(after + 1, after + 1 + len(seqs)))
            after = seqs[-1]


async def test_each_channel_of_a_connection_is_in_order(hub: ServedHub) -> None:
    slugs = [f"ci-{n}" for n in range(5)]
    for slug in slugs:
        await hub.channel(slug)
    async with talking(hub.url) as talker:
        await talker.send(*[{"type": "subscribe", "channel": slug} for slug in slugs])
        subscribed = await talker.receive_all(5)
        async with asyncio.TaskGroup() as tasks:
            for slug in slugs:
                tasks.create_task(_publish(hub, slug, 20))
            received = await talker.receive_all(100)

    assert {answer["channel"] for answer in subscribed} == set(slugs)
    for slug in slugs:
        assert [update["seq"] for update in received if update["channel"] == slug] == list(range(1, 21))


async def _publish(hub: ServedHub, slug: str, count: int) -> None:
    for n in range(count):
        await hub.publish(slug, body=str(n))


async def test_a_deleted_channel_ends_its_subscriptions_alone(hub: ServedHub) -> None:
    token = await hub.token("root", admin=True)
    for slug in ("gone", "kept"):
        await hub.channel(slug)
    async with talking(hub.url) as talker:
        for slug in ("gone", "kept"):
            await talker.ask({"type": "subscribe", "channel": slug})
        await hub.call("DELETE", "/api/v1/channels/gone", token=token)
        ended = await talker.receive(within=2)
        await hub.publish("kept", body="on")
        update = await talker.receive()

    assert ended == {"type": "unsubscribed", "channel": "gone", "reason": "deleted"}
    assert (update["channel"], update["seq"]) == ("kept", 1)


async def test_a_connection_follows_a_bounded_number_of_channels(settings_sqlite: Settings) -> None:
    async with serving(replace(settings_sqlite, max_subscriptions=2)) as hub:
        for slug in ("a", "b", "c"):
            await hub.channel(slug)
        async with talking(hub.url) as talker:
            answers: list[Any] = [await talker.ask({"type": "subscribe", "channel": slug}) for slug in "abc"]
            await talker.ask({"type": "unsubscribe", "channel": "a"})
            answers.append(await talker.ask({"type": "subscribe", "channel": "c"}))

    assert [answer["type"] for answer in answers] == ["subscribed", "subscribed", "error", "subscribed"]
    assert answers[2]["code"] == "too_large"
