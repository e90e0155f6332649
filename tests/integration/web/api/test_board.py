"""The board over the API: for every key its newest update, now and as of any seq still in the log."""

from dataclasses import replace

from app.config import Settings
from tests.support.hub import ServedHub, serving

UPDATES = "/api/v1/channels/ci/updates"
PATH = "/api/v1/channels/ci/board"


async def board(hub: ServedHub, query: str = "") -> dict[str, int]:
    answer = await hub.call("GET", f"{PATH}?{query}")
    assert answer.status == 200, answer
    return {key: update["seq"] for key, update in answer.json["board"].items()}


async def test_the_board_has_the_newest_of_each_key_and_nothing_without_one(hub: ServedHub) -> None:
    channel = await hub.channel("ci")
    await hub.publish("ci", key="a", value=1)
    await hub.publish("ci", body="no key")
    last = await hub.publish("ci", key="a", value=2)
    other = await hub.publish("ci", key="b", value=3)
    answer = await hub.call("GET", PATH)

    assert answer.json == {
        "epoch": channel.epoch,
        "last_seq": 4,
        "board": {"a": last, "b": other},
        "next_cursor": None,
    }


async def test_a_gone_key_is_off_the_board_until_it_is_published_again(hub: ServedHub) -> None:
    await hub.channel("ci")
    await hub.publish("ci", key="a", value=1)
    await hub.publish("ci", key="b", value=1)
    await hub.publish("ci", key="a", gone=True)
    without = await board(hub)
    await hub.publish("ci", key="a", value=2)

    assert without == {"b": 2}
    assert await board(hub) == {"a": 4, "b": 2}


async def test_the_board_can_be_read_as_of_an_earlier_seq(hub: ServedHub) -> None:
    await hub.channel("ci")
    for key, more in (("a", {"value": 1}), ("b", {"value": 1}), ("a", {"value": 2}), ("b", {"gone": True})):
        await hub.publish("ci", key=key, **more)
    boards = [await board(hub, f"at={seq}") for seq in range(5)]

    assert boards == [{}, {"a": 1}, {"a": 1, "b": 2}, {"a": 3, "b": 2}, {"a": 3}]


async def test_a_seq_outside_the_log_is_refused(hub: ServedHub) -> None:
    await hub.channel("ci")
    await hub.publish("ci", key="a", value=1)
    for query, field in (
        ("at=2", "at"),
        ("at=-1", "at"),
        ("at=x", "at"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
    ):
        answer = await hub.call("GET", f"{PATH}?{query}")

        assert (answer.status, answer.code, answer.json["error"]["field"]) == (400, "invalid_request", field)


async def test_a_large_board_is_returned_in_pages_in_the_order_of_its_keys(hub: ServedHub) -> None:
    await hub.channel("ci")
    keys = ["A", "Z", "a", "a b", "a-b", "a0", "aa", "b", "é", "日", "🌊"]
    for key in reversed(keys):
        await hub.publish("ci", key=key, value=1)
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await hub.call("GET", PATH, params={"limit": "3", "cursor": cursor})
        assert len(answer.json["board"]) <= 3
        found += answer.json["board"]
        cursor = answer.json["next_cursor"]

    assert found == keys


async def test_a_page_of_the_board_ends_at_a_size(settings_sqlite: Settings) -> None:
    async with serving(replace(settings_sqlite, answer_bytes=65_536)) as hub:
        await hub.channel("ci")
        for first in range(0, 150, 30):
            updates = [{"key": f"k{n:03}", "body": "x" * 30_000} for n in range(first, first + 30)]
            assert (await hub.call("POST", UPDATES, json={"updates": updates})).status == 201
        keys: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            answer = await hub.call("GET", f"{PATH}?cursor={cursor}")
            assert len(answer.body) < 65_536 + 1000
            keys += answer.json["board"]
            cursor = answer.json["next_cursor"]

    assert keys == [f"k{n:03}" for n in range(150)]


async def test_a_key_may_be_any_text(hub: ServedHub) -> None:
    await hub.channel("ci")
    odd = "\"'\\/{}\n\u2028 🌊 " + "k" * 60
    stored = await hub.publish("ci", key=odd, value=1)
    answer = await hub.call("GET", PATH)

    assert answer.json["board"] == {odd: stored}
