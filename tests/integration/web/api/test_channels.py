"""Channels over the API: created, listed, shown, changed and deleted, each field within its rule."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from app.model.channel import RESERVED
from tests.support.hub import ServedHub
from tests.support.watcher import Watcher

PATH = "/api/v1/channels"
FIELDS = [
    "slug", "title", "description", "visibility", "publishing", "epoch", "first_seq", "last_seq", "last_at",
    "retention_days", "retention_updates", "created_at",
]  # fmt: skip
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"title": ""}, "title"),
    ({"title": "t" * 201}, "title"),
    ({"title": 7}, "title"),
    ({"description": "d" * 2001}, "description"),
    ({"visibility": "secret"}, "visibility"),
    ({"publishing": "owners"}, "publishing"),
    ({"retention_days": 0}, "retention_days"),
    ({"retention_days": 36501}, "retention_days"),
    ({"retention_days": 1.5}, "retention_days"),
    ({"retention_updates": 0}, "retention_updates"),
    ({"retention_updates": 10**9 + 1}, "retention_updates"),
    ({"epoch": "mine"}, "epoch"),
    ({"last_seq": 7}, "last_seq"),
]


async def test_a_new_channel_is_answered_with_its_address_and_its_safe_defaults(hub: ServedHub) -> None:
    token = await hub.token("ana")
    made = await hub.call("POST", PATH, token=token, json={"slug": "ci"})
    shown = await hub.call("GET", made.headers["Location"], token=token)

    assert (made.status, made.headers["Location"], list(made.json)) == (201, f"{PATH}/ci", FIELDS)
    assert made.json == shown.json
    expected = {
        "slug": "ci", "title": None, "description": None, "visibility": "private", "publishing": "publishers",
        "first_seq": 1, "last_seq": 0, "last_at": None, "retention_days": None, "retention_updates": None,
    }  # fmt: skip
    assert expected.items() <= made.json.items()
    assert abs((datetime.now(UTC) - datetime.fromisoformat(made.json["created_at"])).total_seconds()) < 60


async def test_every_field_is_kept_as_it_was_given(hub: ServedHub) -> None:
    token = await hub.token("ana")
    given = {
        "slug": "0" + "a-" * 31, "title": "Ünïcode 🌊 <b>", "description": "d" * 2000, "visibility": "unlisted",
        "publishing": "members", "retention_days": 36500, "retention_updates": 10**9,
    }  # fmt: skip
    made = await hub.call("POST", PATH, token=token, json=given)
    shown = await hub.call("GET", f"{PATH}/{given['slug']}", token=token)

    assert made.status == 201
    assert given.items() <= shown.json.items()


async def test_a_slug_keeps_to_its_alphabet(hub_sqlite: ServedHub) -> None:
    token = await hub_sqlite.token("ana")
    for slug in ("", "A", "-a", "a_b", "a.b", "a/b", "ä", "a" * 64, "a\n", " a", None, 7):
        answer = await hub_sqlite.call("POST", PATH, token=token, json={"slug": slug})

        assert (answer.status, answer.code, answer.json["error"]["field"]) == (400, "invalid_request", "slug"), slug


async def test_no_channel_takes_a_name_of_the_site(hub_sqlite: ServedHub) -> None:
    token = await hub_sqlite.token("ana")
    words = (
        "api login logout register setup settings account admin channels new static docs help about healthz readyz "
        "metrics"
    )
    answers = [await hub_sqlite.call("POST", PATH, token=token, json={"slug": slug}) for slug in sorted(RESERVED)]

    assert set(words.split()) <= RESERVED
    assert {(answer.status, answer.json["error"]["field"]) for answer in answers} == {(400, "slug")}


async def test_a_wrong_field_is_named_when_a_channel_is_created_or_changed(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.channel("ci", owner="ana")
    token = await hub_sqlite.token("ana")
    before = await hub_sqlite.call("GET", f"{PATH}/ci", token=token)
    for wrong, field in WRONG:
        made = await hub_sqlite.call("POST", PATH, token=token, json={"slug": "new-one", **wrong})
        changed = await hub_sqlite.call("PATCH", f"{PATH}/ci", token=token, json={"description": "new", **wrong})

        for answer in (made, changed):
            assert (answer.status, answer.code, answer.json["error"]["field"]) == (400, "invalid_request", field)
    after = await hub_sqlite.call("GET", f"{PATH}/ci", token=token)

    assert after.json == before.json


async def test_a_taken_slug_is_a_conflict_even_for_a_caller_that_may_not_see_the_channel(hub: ServedHub) -> None:
    await hub.private("secret")
    answer = await hub.call("POST", PATH, token=await hub.token("cyd"), json={"slug": "secret"})

    assert (answer.status, answer.code, answer.json["error"]["field"]) == (409, "conflict", "slug")


async def test_of_many_creations_of_one_channel_at_once_one_succeeds(hub: ServedHub) -> None:
    token = await hub.token("ana")
    answers = await asyncio.gather(*[hub.call("POST", PATH, token=token, json={"slug": "ci"}) for _ in range(8)])

    assert sorted(answer.status for answer in answers) == [201] + [409] * 7


async def test_a_change_keeps_what_is_absent_and_clears_what_is_null(hub: ServedHub) -> None:
    token = await hub.token("ana")
    await hub.call("POST", PATH, token=token, json={"slug": "ci", "title": "Builds", "retention_days": 3})
    changed = await hub.call("PATCH", f"{PATH}/ci", token=token, json={"title": None, "visibility": "public"})
    unchanged = await hub.call("PATCH", f"{PATH}/ci", token=token, json={})

    assert (changed.status, changed.json["title"], changed.json["visibility"]) == (200, None, "public")
    assert changed.json["retention_days"] == 3
    assert unchanged.json == changed.json


async def test_the_slug_never_changes(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.channel("ci", owner="ana")
    token = await hub_sqlite.token("ana")
    answer = await hub_sqlite.call("PATCH", f"{PATH}/ci", token=token, json={"slug": "cd"})

    assert (answer.status, answer.json["error"]["field"]) == (400, "slug")


async def test_a_deleted_channel_is_not_found_and_a_new_one_of_its_name_is_empty(hub: ServedHub) -> None:
    token = await hub.token("ana")
    await hub.call("POST", PATH, token=token, json={"slug": "ci", "visibility": "public"})
    first = await hub.publish("ci", token=token, body="secret words", tags=["t"], key="k")
    async with Watcher(hub.url, channel="ci", resume=False) as watcher:
        await watcher.seen(1)
        deleted = await hub.call("DELETE", f"{PATH}/ci", token=token)
        ended = await watcher.message("unsubscribed")
    gone = await hub.call("GET", f"{PATH}/ci", token=token)
    again = await hub.call("DELETE", f"{PATH}/ci", token=token)
    await hub.call("POST", PATH, token=token, json={"slug": "ci", "visibility": "public"})
    anew = await hub.call("GET", f"{PATH}/ci/updates?q=secret")
    board = await hub.call("GET", f"{PATH}/ci/board")

    assert (deleted.status, deleted.body, gone.status, again.status) == (204, b"", 404, 404)
    assert ended["reason"] == "deleted"
    assert (anew.json["last_seq"], anew.json["updates"], board.json["board"]) == (0, [], {})
    assert anew.json["epoch"] != first["epoch"]


async def test_creating_a_channel_requires_a_user(hub_sqlite: ServedHub) -> None:
    reader = await hub_sqlite.token("ana", scopes=["read"])
    anonymous = await hub_sqlite.call("POST", PATH, json={"slug": "ci"})
    narrow = await hub_sqlite.call("POST", PATH, token=reader, json={"slug": "ci"})

    assert (anonymous.status, anonymous.code, narrow.status, narrow.code) == (401, "unauthenticated", 403, "forbidden")
    assert "scope 'publish'" in narrow.json["error"]["message"]


async def test_the_list_is_paged_in_the_order_of_the_slugs(hub: ServedHub) -> None:
    slugs = ["a", "a-b", "a0", "aa", "b", "lobby", "z"]
    for slug in slugs:
        if slug != "lobby":
            await hub.channel(slug)
    pages: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await hub.call("GET", PATH, params={"limit": "2", "cursor": cursor})
        pages.append([channel["slug"] for channel in answer.json["channels"]])
        cursor = answer.json["next_cursor"]

    assert [slug for page in pages for slug in page] == slugs
    assert [len(page) for page in pages] == [2, 2, 2, 1]


SEARCHES = [
    ("NIGHT", ["backup"]),
    ("backup", ["backup"]),
    ("Übersicht", ["stats"]),
    ("ersicht", ["stats"]),
    ("50%", ["stats"]),
    ("%", ["stats"]),
    ("_", ["backup"]),
    ("\\", []),
    ("' OR 1=1 --", []),
    ("a", ["backup", "stats"]),
]


async def test_the_list_is_searched_by_a_part_of_slug_title_or_description(hub: ServedHub) -> None:
    await hub.channel("backup", title="Nightly", description="with snake_case")
    await hub.channel("stats", title="Übersicht", description="50% and more")
    for q, found in SEARCHES:
        answer = await hub.call("GET", PATH, params={"q": q})

        assert [channel["slug"] for channel in answer.json["channels"] if channel["slug"] != "lobby"] == found, q


OUT_OF_BOUNDS = [
    ("limit=0", "limit"),
    ("limit=201", "limit"),
    ("limit=x", "limit"),
    ("limit=-1", "limit"),
    ("limit=", "limit"),
    ("limit=1.0", "limit"),
    ("limit=%D9%A3", "limit"),
    ("q=" + "q" * 201, "q"),
    ("q=%00", "q"),
    ("cursor=" + "c" * 64, "cursor"),
]


async def test_a_parameter_out_of_bounds_is_named(hub_sqlite: ServedHub) -> None:
    for query, field in OUT_OF_BOUNDS:
        answer = await hub_sqlite.call("GET", f"{PATH}?{query}")

        assert (answer.status, answer.code, answer.json["error"]["field"]) == (400, "invalid_request", field), query
