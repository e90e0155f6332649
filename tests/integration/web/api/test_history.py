"""History over the API: both directions, its pages, its filters, and its bounds."""

from dataclasses import replace
from typing import Any

import pytest

from app.config import Settings
from tests.support.hub import ServedHub, serving

PATH = "/api/v1/channels/ci/updates"


async def seqs(hub: ServedHub, query: str = "") -> list[int]:
    answer = await hub.call("GET", f"{PATH}?{query}")
    assert answer.status == 200, answer
    return [update["seq"] for update in answer.json["updates"]]


async def filled(hub: ServedHub, *updates: dict[str, Any]) -> None:
    await hub.channel("ci")
    answer = await hub.call("POST", PATH, json={"updates": list(updates)})
    assert answer.status == 201, answer


async def test_history_is_newest_first_and_with_after_oldest_first(hub: ServedHub) -> None:
    await filled(hub, *[{"value": n} for n in range(1, 11)])

    assert await seqs(hub) == list(range(10, 0, -1))
    assert await seqs(hub, "before=4") == [3, 2, 1]
    assert await seqs(hub, "before=99&limit=2") == [10, 9]
    assert await seqs(hub, "after=7") == [8, 9, 10]
    assert await seqs(hub, "after=0&limit=3") == [1, 2, 3]
    assert await seqs(hub, "after=10") == []
    assert await seqs(hub, "after=999") == []
    assert await seqs(hub, "before=1") == await seqs(hub, "before=0") == []


async def test_a_page_has_100_updates_unless_asked_for_up_to_1000(hub: ServedHub) -> None:
    await filled(hub, *[{"value": 0}] * 500)
    await hub.call("POST", PATH, json={"updates": [{"value": 0}] * 500})
    await hub.publish("ci", value=0)

    assert len(await seqs(hub)) == 100
    assert await seqs(hub, "limit=1000") == list(range(1001, 1, -1))
    assert await seqs(hub, "limit=1000&after=0") == list(range(1, 1001))


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("limit=1000", range(180, 0, -1)),
        ("limit=1000&before=150", range(149, 0, -1)),
        ("limit=7&after=20", range(21, 181)),
        ("limit=1000&after=0&q=large", range(2, 181, 2)),
        ("limit=1000&key=k", range(180, 0, -1)),
    ],
)
async def test_a_page_ends_at_a_size_and_the_cursors_lead_through_the_whole(
    settings_sqlite: Settings, query: str, order: range
) -> None:
    """Large and small ones in turn: two of the large ones fit."""
    async with serving(replace(settings_sqlite, answer_bytes=65_536, anonymous_burst=1000)) as hub:
        await hub.channel("ci")
        for first in range(0, 180, 60):
            updates = [{"body": "large " * 4000 if n % 2 else "small", "key": "k"} for n in range(first, first + 60)]
            assert (await hub.call("POST", PATH, json={"updates": updates})).status == 201
        found: list[int] = []
        cursor = ""
        while True:
            answer = await hub.call("GET", f"{PATH}?{query}{cursor}")
            assert len(answer.body) < 65_536 + 1000 and answer.json["updates"]
            found += [update["seq"] for update in answer.json["updates"]]
            if answer.json["next_cursor"] is None:
                break
            cursor = f"&cursor={answer.json['next_cursor']}"

    assert found == list(order)


async def test_history_returns_the_epoch_and_the_last_seq_whatever_it_shows(hub: ServedHub) -> None:
    channel = await hub.channel("ci")
    empty = await hub.call("GET", PATH)
    await hub.publish("ci", body="x")
    none_of_it = await hub.call("GET", f"{PATH}?key=absent")

    assert empty.json == {"epoch": channel.epoch, "last_seq": 0, "next_cursor": None, "updates": []}
    assert none_of_it.json == {"epoch": channel.epoch, "last_seq": 1, "next_cursor": None, "updates": []}


async def test_an_update_must_match_all_filters(hub: ServedHub) -> None:
    await filled(
        hub,
        {"body": "one", "level": "error", "tags": ["db", "night"], "key": "a"},
        {"body": "two", "level": "error", "tags": ["web"], "key": "b"},
        {"body": "three", "tags": ["db"], "key": "a"},
        {"body": "four", "level": "info"},
    )

    assert await seqs(hub, "level=error") == [2, 1]
    assert await seqs(hub, "level=info") == [4, 3]
    assert await seqs(hub, "tag=db") == [3, 1]
    assert await seqs(hub, "key=a") == [3, 1]
    assert await seqs(hub, "key=a&level=error") == [1]
    assert await seqs(hub, "tag=db&q=three&after=0") == [3]
    assert await seqs(hub, "tag=web&key=a") == []
    assert await seqs(hub, "tag=DB") == await seqs(hub, "key=A") == []
    assert await seqs(hub, "tag=db&before=3") == [1]
    assert await seqs(hub, "tag=&key=&level=&q=") == [4, 3, 2, 1]


async def test_a_level_is_read_as_a_publish_reads_it_and_another_is_refused(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.call("POST", "/lobby", data=b"x", headers={"Level": "WARN"})
    found = [
        await hub_sqlite.call("GET", f"/api/v1/channels/lobby/updates?level={level}") for level in ("WARN", "warning")
    ]
    refused = await hub_sqlite.call("GET", "/api/v1/channels/lobby/updates?level=nope")

    assert [len(each.json["updates"]) for each in found] == [1, 1]
    assert (refused.status, refused.json["error"]["field"]) == (400, "level")
    assert "warning" in refused.json["error"]["message"]


async def test_a_filter_takes_any_text_that_a_field_may_hold(hub: ServedHub) -> None:
    odd = "'; DROP TABLE updates; -- % _ \\ \" ü 🌊"
    await filled(hub, {"body": "x", "tags": [odd], "key": odd}, {"body": "y", "tags": ["t"], "key": "k"})
    answers = [await hub.call("GET", PATH, params={name: odd}) for name in ("tag", "key")]

    assert [[update["seq"] for update in answer.json["updates"]] for answer in answers] == [[1], [1]]


async def test_a_tag_that_is_given_twice_is_found_once(hub: ServedHub) -> None:
    await filled(hub, {"body": "x", "tags": ["a", "a"]})

    assert await seqs(hub, "tag=a") == [1]


OUT_OF_BOUNDS = [
    ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=ten", "limit"), ("after=-1", "after"),
    ("after=1.5", "after"), ("after=", "after"), ("after=%2B1", "after"), ("after=" + "9" * 30, "after"),
    ("before=x", "before"), ("after=1&before=9", "before"), ("level=" + "l" * 17, "level"),
    ("tag=" + "t" * 41, "tag"), ("key=" + "k" * 81, "key"), ("q=" + "q" * 201, "q"), ("tag=%00", "tag"),
]  # fmt: skip


async def test_a_parameter_out_of_bounds_is_named(hub_sqlite: ServedHub) -> None:
    for query, field in OUT_OF_BOUNDS:
        answer = await hub_sqlite.call("GET", f"/api/v1/channels/lobby/updates?{query}")

        assert (answer.status, answer.code, answer.json["error"]["field"]) == (400, "invalid_request", field), query
        assert field in answer.json["error"]["message"]
