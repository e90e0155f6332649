"""Publishing over the websocket: the same rules and the same log as over HTTP, in the order in which it was sent."""

from typing import Any

from tests.support.hub import ServedHub
from tests.support.talker import Message, talking


def publish(ref: int, channel: str = "ci", *, key: str | None = None, **update: Any) -> Message:
    message: Message = {"type": "publish", "ref": ref, "channel": channel, "update": update}
    return message if key is None else {**message, "idempotency_key": key}


async def in_history(hub: ServedHub, slug: str = "ci") -> list[Message]:
    found: list[Message] = (await hub.call("GET", f"/api/v1/channels/{slug}/updates?after=0&limit=1000")).json[
        "updates"
    ]
    return found


async def test_what_is_published_is_stored_in_the_log(hub: ServedHub) -> None:
    await hub.channel("ci")
    token = await hub.token("ana", name="bot")
    async with talking(hub.url, token=token) as talker:
        answer = await talker.ask(publish(5, body="hi", level="error", data={"n": [1, None]}))
    (stored,) = await in_history(hub)

    identity = {name: stored[name] for name in ("channel", "epoch", "seq", "id")}
    assert answer == {"type": "published", "ref": 5, **identity}
    assert (stored["author"], stored["body"], stored["level"]) == ("bot", "hi", "error")
    assert stored["data"] == {"n": [1, None]}


async def test_a_client_that_publishes_and_watches_gets_the_update_too(hub: ServedHub) -> None:
    await hub.channel("ci")
    async with talking(hub.url) as talker:
        await talker.ask({"type": "subscribe", "channel": "ci"})
        await talker.send(publish(1, body="echo"))
        received = {message["type"]: message for message in await talker.receive_all(2)}

    assert received["published"]["id"] == received["update"]["id"]
    assert received["update"]["body"] == "echo"


async def test_publishes_sent_at_once_are_stored_in_their_order(hub: ServedHub) -> None:
    await hub.channel("ci")
    messages = [publish(n, body=str(n)) for n in range(300)]
    async with talking(hub.url) as talker:
        await talker.send(*messages[:150])
        for message in messages[150:]:
            await talker.send(message)
        answers = await talker.receive_all(300)
    bodies = [update["body"] for update in await in_history(hub)]

    assert {answer["ref"]: answer["seq"] for answer in answers} == {n: n + 1 for n in range(300)}
    assert bodies == [str(n) for n in range(300)]


async def test_an_idempotency_key_stores_once(hub: ServedHub) -> None:
    await hub.channel("ci")
    async with talking(hub.url) as talker:
        first = await talker.ask(publish(1, key="k", body="a"))
        again = await talker.ask(publish(2, key="k", body="a"))
        other = await talker.ask(publish(3, key="k", body="b"))
    over_http = await hub.call(
        "POST", "/api/v1/channels/ci/updates", json={"body": "a"}, headers={"Idempotency-Key": "k"}
    )

    assert again == {**first, "ref": 2}
    assert (other["type"], other["code"], other["ref"]) == ("error", "conflict", 3)
    assert (over_http.status, over_http.json["id"]) == (200, first["id"])
    assert len(await in_history(hub)) == 1


async def test_what_breaks_a_rule_is_refused_by_its_name_and_its_neighbours_are_stored(hub: ServedHub) -> None:
    await hub.channel("ci")
    broken: dict[str, Message] = {
        "progress": {"progress": 2},
        "title": {"title": "x" * 201},
        "level": {"level": "loud", "body": "x"},
        "link": {"link": "javascript:alert(1)", "body": "x"},
        "gone": {"gone": True, "body": "x"},
        "seq": {"seq": 5, "body": "x"},
        "data": {"data": "x" * 40_000},
    }
    refused = [{"type": "publish", "ref": name, "channel": "ci", "update": each} for name, each in broken.items()]
    async with talking(hub.url) as talker:
        await talker.send(publish(1, body="first"), *refused, publish(2, body="last"))
        answers = {answer["ref"]: answer for answer in await talker.receive_all(2 + len(broken))}

    assert (answers.pop(1)["seq"], answers.pop(2)["seq"]) == (1, 2)
    assert {name: (answer["code"], answer["field"]) for name, answer in answers.items()} == {
        name: ("invalid_update", name) for name in broken
    }
    assert [update["body"] for update in await in_history(hub)] == ["first", "last"]


async def test_an_update_without_content_is_refused(hub_sqlite: ServedHub) -> None:
    async with talking(hub_sqlite.url) as talker:
        empty = await talker.ask(publish(1, "lobby", key="k", tags=["a"]))
        no_object = await talker.ask({"type": "publish", "ref": 2, "channel": "lobby", "update": "hello"})

    assert (empty["type"], empty["code"], empty["ref"]) == ("error", "invalid_update", 1)
    assert (no_object["type"], no_object["code"], no_object["ref"]) == ("error", "invalid_update", 2)


async def test_the_refusal_of_a_publish_names_the_reason(hub: ServedHub) -> None:
    await hub.channel("news", publishing="publishers", owner="ana")
    await hub.private("secret")
    reader = await hub.token("ben", scopes=["read"])
    member = await hub.token("ben")
    async with (
        talking(hub.url) as anonymous,
        talking(hub.url, token=reader) as ben,
        talking(hub.url, token=member) as full,
    ):
        answers = [
            await anonymous.ask(publish(1, "news", body="x")),
            await anonymous.ask(publish(2, "secret", body="x")),
            await anonymous.ask(publish(3, "nowhere", body="x")),
            await ben.ask(publish(4, "secret", body="x")),
            await full.ask(publish(5, "secret", body="x")),
        ]

    assert [answer["code"] for answer in answers] == [
        "unauthenticated", "not_found", "not_found", "forbidden", "forbidden",
    ]  # fmt: skip
    assert "scope" in answers[3]["message"]
    assert "publishers" in answers[4]["message"]


async def test_each_publish_is_authorised_when_it_is_received(hub: ServedHub) -> None:
    token, owner = await hub.token("cyd"), await hub.token("ana")
    await hub.channel("ci", owner="ana")
    async with talking(hub.url, token=token) as cyd:
        before = await cyd.ask(publish(1, body="mine"))
        await hub.call("PATCH", "/api/v1/channels/ci", token=owner, json={"publishing": "members"})
        after = await cyd.ask(publish(2, body="mine"))
        await hub.call("PATCH", "/api/v1/channels/ci", token=owner, json={"visibility": "private"})
        unseen = await cyd.ask(publish(3, body="mine"))

    assert (before["type"], after["code"], unseen["code"]) == ("published", "forbidden", "not_found")


async def test_a_key_out_of_bounds_is_refused_by_the_name_of_its_field(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.channel("ci")
    async with talking(hub_sqlite.url) as talker:
        answer = await talker.ask(publish(1, key="k" * 201, body="x"))

    assert (answer["code"], answer["field"]) == ("invalid_request", "idempotency_key")
