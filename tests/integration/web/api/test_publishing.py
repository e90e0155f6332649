"""Publishing over the API: every field is returned as it was given, and what breaks a rule is refused whole."""

import re
from datetime import UTC, datetime
from typing import Any

from tests.support.hub import ServedHub

PATH = "/api/v1/channels/ci/updates"
WHOLE: dict[str, Any] = {
    "title": "Nightly backup", "body": "42 GiB\nin 3 min ✓", "format": "markdown", "level": "success",
    "tags": ["db", "näch<t>"], "link": "https://example.org/a?b=c#d", "key": "backup", "value": 42.1, "unit": "GiB",
    "progress": 0.7, "status": "running", "data": {"any": ["json", None, {"deep": 1e-7}], "zero": "\0"},
}  # fmt: skip
BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"title": ""}, "title"),
    ({"title": "t" * 201}, "title"),
    ({"body": "é" * 16385}, "body"),
    ({"body": "x", "format": "html"}, "format"),
    ({"body": "x", "level": "loud"}, "level"),
    ({"body": "x", "tags": ["t"] * 11}, "tags"),
    ({"body": "x", "tags": [""]}, "tags"),
    ({"body": "x", "tags": ["t" * 41]}, "tags"),
    ({"body": "x", "link": "javascript:alert(1)"}, "link"),
    ({"body": "x", "link": "//example.org"}, "link"),
    ({"body": "x", "key": ""}, "key"),
    ({"body": "x", "key": "k" * 81}, "key"),
    ({"value": "7"}, "value"),
    ({"value": 7, "unit": "u" * 17}, "unit"),
    ({"progress": 1.0001}, "progress"),
    ({"progress": -0.1}, "progress"),
    ({"status": ""}, "status"),
    ({"status": "s" * 41}, "status"),
    ({"data": "d" * 32768}, "data"),
    ({"body": "x", "gone": True}, "gone"),
    ({"body": "x", "key": "k", "gone": False}, "gone"),
    ({"body": "x\0y"}, "body"),
    *[({"body": "x", name: "mine"}, name) for name in ("channel", "epoch", "seq", "id", "at", "author")],
    ({"body": "x", "colour": "red"}, "colour"),
]


async def test_an_update_is_answered_as_it_is_stored_and_as_history_and_board_show_it(hub: ServedHub) -> None:
    channel = await hub.channel("ci")
    answer = await hub.call("POST", PATH, json=WHOLE)
    history = await hub.call("GET", PATH)
    board = await hub.call("GET", "/api/v1/channels/ci/board")

    own = {"channel": "ci", "epoch": channel.epoch, "seq": 1, "author": None}
    assert answer.status == 201
    assert (own | WHOLE).items() <= answer.json.items()
    assert set(answer.json) == {*own, *WHOLE, "id", "at"}
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", answer.json["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer.json["at"])
    assert abs((datetime.now(UTC) - datetime.fromisoformat(answer.json["at"])).total_seconds()) < 60
    assert history.json == {"epoch": channel.epoch, "last_seq": 1, "next_cursor": None, "updates": [answer.json]}
    assert board.json["board"] == {"backup": answer.json}


async def test_what_was_not_given_is_absent(hub: ServedHub) -> None:
    await hub.channel("ci")
    stored = await hub.publish("ci", body="x", title=None, tags=[])

    assert set(stored) == {"channel", "epoch", "seq", "id", "at", "author", "body"}


async def test_a_number_is_returned_as_the_same_number(hub: ServedHub) -> None:
    await hub.channel("ci")
    given = [0, -1, 2**63, -(2**63), 1e308, 0.1, 10**30, -0.0]
    answered = [(await hub.publish("ci", value=value))["value"] for value in given]

    assert answered == given


async def test_any_json_is_data(hub: ServedHub) -> None:
    await hub.channel("ci")
    given: list[object] = [None, False, 0, "", [], {}, {"": [[[]]]}, "\u2028\u0000\U0001f30a"]
    answered = [(await hub.publish("ci", data=data))["data"] for data in given]
    history = await hub.call("GET", f"{PATH}?after=0")

    assert answered == given
    assert [update["data"] for update in history.json["updates"]] == given


async def test_the_author_is_the_tokens_name_else_the_users(hub: ServedHub) -> None:
    await hub.channel("ci")
    named = await hub.token("ana", name="backup-bot")
    authors = [
        (await hub.publish("ci", body="x", token=token))["author"] for token in (named, await hub.token("ana"), None)
    ]

    assert authors == ["backup-bot", "ana", None]


async def test_what_breaks_a_rule_is_refused_whole_and_named(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.channel("ci")
    for broken, field in BROKEN:
        single = await hub_sqlite.call("POST", PATH, json=broken)
        batch = await hub_sqlite.call("POST", PATH, json={"updates": [{"body": "good"}, broken]})

        assert (single.status, single.code, single.json["error"]["field"]) == (422, "invalid_update", field)
        assert (batch.status, batch.code, batch.json["error"]["field"]) == (
            422,
            "invalid_update",
            f"updates[1].{field}",
        )
        assert field in single.json["error"]["message"]
    channel = await hub_sqlite.call("GET", "/api/v1/channels/ci")

    assert channel.json["last_seq"] == 0


async def test_an_update_without_content_is_refused(hub_sqlite: ServedHub) -> None:
    empty_updates: list[dict[str, Any]] = [{}, {"level": "info"}, {"key": "k"}, {"tags": ["t"]}, {"body": ""}]
    for empty in empty_updates:
        answer = await hub_sqlite.call("POST", "/api/v1/channels/lobby/updates", json=empty)

        assert (answer.status, answer.code) == (422, "invalid_update")
        assert "at least one of title, body, value, progress, status or data" in answer.json["error"]["message"]


async def test_a_batch_is_stored_in_its_order_and_answered_as_a_batch(hub: ServedHub) -> None:
    await hub.channel("ci")
    answer = await hub.call("POST", PATH, json={"updates": [{"body": "a"}, {"value": 2, "key": "k"}, {"body": "c"}]})
    one = await hub.call("POST", PATH, json={"updates": [{"body": "d"}]})

    assert (answer.status, list(answer.json)) == (201, ["updates"])
    assert [(update["seq"], update.get("body")) for update in answer.json["updates"]] == [(1, "a"), (2, None), (3, "c")]
    assert [update["seq"] for update in one.json["updates"]] == [4]


async def test_a_batch_over_500_is_too_large(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.channel("ci")
    answer = await hub_sqlite.call("POST", PATH, json={"updates": [{"value": 1}] * 501})

    assert (answer.status, answer.code, answer.json["error"]["field"]) == (413, "too_large", "updates")


async def test_a_whole_update_over_64_kib_is_too_large(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.channel("ci")
    answer = await hub_sqlite.call("POST", PATH, json={"body": "\u0001" * 32768})

    assert (answer.status, answer.code) == (413, "too_large")


async def test_the_largest_update_that_the_rules_allow_is_stored(hub: ServedHub) -> None:
    await hub.channel("ci")
    stored = await hub.publish("ci", body="b" * 32768, data="d" * 31000)
    history = await hub.call("GET", PATH)

    assert history.json["updates"] == [stored]


async def test_a_replay_is_marked_and_a_first_publish_is_not(hub: ServedHub) -> None:
    await hub.channel("ci")
    headers = {"Idempotency-Key": "k" * 200}
    first = await hub.call("POST", PATH, json={"body": "x"}, headers=headers)
    again = await hub.call("POST", PATH, json={"body": "x"}, headers=headers)
    other = await hub.call("POST", PATH, json={"body": "y"}, headers=headers)

    assert (first.status, first.headers.get("Idempotent-Replayed")) == (201, None)
    assert (again.status, again.headers.get("Idempotent-Replayed"), again.json) == (200, "true", first.json)
    assert (other.status, other.code, other.json["error"]["field"]) == (409, "conflict", "Idempotency-Key")


async def test_a_replay_needs_the_right_to_publish_too(hub: ServedHub) -> None:
    await hub.channel("ci", publishing="publishers", owner="ana")
    headers = {"Idempotency-Key": "k"}
    await hub.call("POST", PATH, token=await hub.token("ana"), json={"body": "x"}, headers=headers)
    answer = await hub.call("POST", PATH, token=await hub.token("cyd"), json={"body": "x"}, headers=headers)

    assert (answer.status, answer.code) == (403, "forbidden")
