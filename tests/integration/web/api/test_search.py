"""Full-text search finds the same on both databases: whole words, in any case, all of them, and nothing is syntax."""

import asyncio
import secrets
from typing import Any

import pytest

from app.actions.retention import trim_logs
from tests.support.hub import ServedHub

PATH = "/api/v1/channels/ci/updates"
UPDATES: list[dict[str, Any]] = [
    {"title": "Nightly Backup", "body": "42 GiB in 3.14 min", "key": "db-1", "tags": ["Ops Team"], "status": "running"},
    {"body": "Über den Wolken: ÄRGER, naïve café"},
    {"body": "disk near full AND not OR empty"},
    {"body": "snake_case kebab-case dotted.name user@example.org"},
    {"body": "日本語 テスト Привет"},
    {"body": 'don\'t "quote" (this) {that} ^col:umn * star'},
    {"data": {"hidden": "needle"}, "link": "https://needle.example", "level": "warning"},
    {"body": "", "title": "x" * 200},
    {"body": "हिन्दी"},
    {"body": "ह न द"},
    {"body": "தமிழ் বাংলা مُحَمَّد"},
    {"body": "த ம ழ ব ল م ح م د"},
    {"body": "re\u0301sume\u0301", "tags": ["\u1112\u1161\u11ab"], "key": "soft\u00adhyphen"},
]
FOUND: list[tuple[str, list[int]]] = [
    ("backup", [1]),
    ("BACKUP nightly", [1]),
    ("nightly disk", []),
    ("back", []),
    ("42", [1]),
    ("3.14", [1]),
    ("db-1", [1]),
    ("ops", [1]),
    ("running gib", [1]),
    ("über", [2]),
    ("ÜBER ärger", [2]),
    ("uber", []),
    ("NAÏVE CAFÉ", [2]),
    ("cafe", []),
    ("near", [3]),
    ("NEAR", [3]),
    ("disk NEAR full", [3]),
    ("disk AND full", [3]),
    ("disk OR nightly", []),
    ("NOT empty", [3]),
    ("disk -full", [3]),
    ("snake", [4]),
    ("snake_case", [4]),
    ("case", [4]),
    ("example.org", [4]),
    ("日本語", [5]),
    ("привет", [5]),
    ("don't", [6]),
    ('"quote"', [6]),
    ('"quote', [6]),
    ("qu*", []),
    ("star*", [6]),
    ("*star", [6]),
    ("col:umn", [6]),
    ("words:star", []),
    ("(this) {that}", [6]),
    ("NEAR(disk full, 5)", []),
    ("disk & full | !x", []),
    ("disk <-> full", [3]),
    ("full:*", [3]),
    ("'disk'", [3]),
    ("needle", []),
    ("x" * 200, [8]),
    ("हिन्दी", [9]),
    ("ह न द", [10]),
    ("हिन्द", []),
    ("தமிழ்", [11]),
    ("বাংলা مُحَمَّد", [11]),
    ("م", [12]),
    ("résumé", [13]),
    ("RE\u0301SUMÉ", [13]),
    ("resume", []),
    ("한", [13]),
    ("\u1112\u1161\u11ab softhyphen", [13]),
    ("nai\u0308ve cafe\u0301", [2]),
    ("*", []),
    ('"', []),
    ("- ( ) ' \\ :*", []),
    ("🌊", []),
]


async def test_search_is_the_same_on_both_databases(hub: ServedHub) -> None:
    await hub.channel("ci")
    await hub.channel("other")
    stored = await hub.call("POST", PATH, json={"updates": UPDATES})
    await hub.publish("other", body=" ".join(str(update.get("body")) for update in UPDATES))
    answers = [(q, await hub.call("GET", PATH, params={"q": q, "after": "0"})) for q, _ in FOUND]

    assert stored.status == 201
    assert {answer.status for _, answer in answers} == {200}
    assert [(q, [update["seq"] for update in answer.json["updates"]]) for q, answer in answers] == FOUND


@pytest.mark.parametrize("query", ["q=disk&before=3", "q=disk&after=1"])
async def test_search_combines_with_a_position_and_a_limit(hub: ServedHub, query: str) -> None:
    await hub.channel("ci")
    await hub.call("POST", PATH, json={"updates": [{"body": f"disk {n}"} for n in range(1, 6)]})
    answer = await hub.call("GET", f"{PATH}?{query}&limit=2")

    expected = [2, 1] if "before" in query else [2, 3]
    assert [update["seq"] for update in answer.json["updates"]] == expected


async def test_what_retention_removed_is_no_longer_found(hub: ServedHub) -> None:
    await hub.channel("ci", retention_updates=2)
    for n in range(4):
        await hub.publish("ci", body=f"disk {n}", key="k")
    await trim_logs(hub.services.db)
    answer = await hub.call("GET", f"{PATH}?q=disk")

    assert [update["seq"] for update in answer.json["updates"]] == [4, 3]


async def test_a_dump_of_one_word_is_stored_and_found_and_does_not_affect_its_neighbours(hub: ServedHub) -> None:
    """Random, so that PostgreSQL can't make it fit its index by compressing it."""
    await hub.channel("ci")
    dump = secrets.token_hex(8000)
    bodies = ["before", dump, "after"]
    answers = await asyncio.gather(*(hub.call("POST", PATH, json={"body": body}) for body in bodies))
    found = await hub.call("GET", PATH, params={"q": dump[:200]})

    assert [answer.status for answer in answers] == [201, 201, 201]
    assert [update["body"] for update in found.json["updates"]] == [dump]
