"""The index of words only saves time: a search finds the same without it, and no update waits for it."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import delete, select, text, update

from app.actions.retention import trim_logs
from app.config import Settings
from app.errors import InvalidUpdate
from app.model.channel import Channel
from app.store import channels
from app.store.engine.database import Database
from app.store.log import search as word_index
from app.store.log.search import Runs
from app.store.tables import CHANNELS, WORD_RUNS
from tests.support.hub import ServedHub, serving

PATH = "/api/v1/channels/ci/updates"
EVERY = 16
RUN = 4


@pytest.fixture(autouse=True)
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of a few updates, so that a test has many."""
    for name, value in (("EVERY", EVERY), ("RUN_UPDATES", RUN), ("ONCE_UPDATES", EVERY)):
        monkeypatch.setattr(word_index, name, value)


@pytest.fixture
async def hub(settings: Settings) -> AsyncIterator[ServedHub]:
    """One that counts no calls: a search costs several."""
    async with serving(replace(settings, rate_limits=False)) as hub:
        yield hub


async def found(hub: ServedHub, query: str) -> list[int]:
    answer = await hub.call("GET", f"{PATH}?{query}")
    assert answer.status == 200, answer
    return [each["seq"] for each in answer.json["updates"]]


async def publish(hub: ServedHub, *bodies: str) -> None:
    answer = await hub.call("POST", PATH, json={"updates": [{"body": body} for body in bodies]})
    assert answer.status == 201, answer


async def indexed(db: Database) -> list[tuple[int, int]]:
    async with db.reading() as tx:
        rows = await tx.execute(select(WORD_RUNS.c.first_seq, WORD_RUNS.c.last_seq).order_by(WORD_RUNS.c.first_seq))
        return [(first, last) for first, last in rows]


async def drop_index(db: Database, beyond: int = 0) -> None:
    async with db.transaction() as tx:
        await tx.execute(delete(WORD_RUNS).where(WORD_RUNS.c.last_seq > beyond))


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await condition():  # noqa: ASYNC110 - a database sends no notification
            await asyncio.sleep(0.01)


async def until_indexed(hub: ServedHub, upto: int) -> None:
    async def is_indexed() -> bool:
        return max((last for _, last in await indexed(hub.services.db)), default=0) >= upto

    await until(is_indexed)


async def read_again(hub: ServedHub, channel: Channel, upto: int = EVERY) -> Runs:
    """The channel's first runs to index, once it was indexed up to that seq and the index was dropped."""
    await until_indexed(hub, upto)
    await drop_index(hub.services.db)
    async with hub.services.db.looking() as tx:
        runs = await word_index.following(tx, channel.id, channel.epoch)
    assert runs is not None
    return runs


async def add(db: Database, runs: Runs) -> None:
    async with db.transaction() as tx:
        await word_index.add(tx, runs)


async def test_a_search_finds_the_same_whatever_is_indexed(hub: ServedHub) -> None:
    """Pairs of words, in both directions, with limits: compared with a scan of every update."""
    await hub.channel("ci")
    dice = random.Random(7)
    bodies = [" ".join(dice.sample("abcdefghijklm", dice.choice([1, 2, 2, 3]))) for _ in range(20 * EVERY + 3)]
    bodies[4 * EVERY : 16 * EVERY] = ["quiet"] * (12 * EVERY)  # So that runs with a word lie far apart.
    for begin in range(0, len(bodies), 50):
        await publish(hub, *bodies[begin : begin + 50])
    await until_indexed(hub, 19 * EVERY)
    queries = [f"q={a}+{b}{more}" for a in "abcdm" for b in "eflz" for more in ("", "&after=0", "&limit=2")]
    queries += [f"q=a{more}" for more in ("&before=17", "&after=15", "&before=100&limit=1", "&after=31&limit=3")]
    queries += ["q=quiet", "q=quiet&after=70&limit=7", "q=QUIET+quiet&before=90"]
    whole = [await found(hub, query) for query in queries]
    await drop_index(hub.services.db, beyond=5 * RUN)
    partly = [await found(hub, query) for query in queries]
    await drop_index(hub.services.db)
    unindexed = [await found(hub, query) for query in queries]

    def scanned(query: str) -> list[int]:
        wanted = dict(each.split("=") for each in query.split("&"))
        words = set(wanted["q"].lower().split("+"))
        seqs = [seq for seq, body in enumerate(bodies, 1) if words <= set(body.split())]
        seqs = [seq for seq in seqs if int(wanted.get("after", 0)) < seq < int(wanted.get("before", 10**6))]
        return (seqs if "after" in wanted else seqs[::-1])[: int(wanted.get("limit", 100))]

    assert whole == [scanned(query) for query in queries]
    assert partly == whole
    assert unindexed == whole


async def test_an_update_is_found_at_once_before_and_after_it_is_indexed(hub: ServedHub) -> None:
    await hub.channel("ci")
    for n in range(1, 3 * EVERY):
        await publish(hub, f"number{n}")
        assert await found(hub, f"q=number{n}") == [n]
        assert await found(hub, "q=number1") == [1]


async def test_words_in_every_run_but_in_no_update_together_find_nothing(hub: ServedHub) -> None:
    await hub.channel("ci")
    await publish(hub, *["left", "right"] * EVERY)
    await until_indexed(hub, 2 * EVERY)

    assert await found(hub, "q=left+right") == []
    assert await found(hub, "q=right&limit=3") == [2 * EVERY, 2 * EVERY - 2, 2 * EVERY - 4]


async def test_the_next_catch_up_indexes_what_was_left_out(hub: ServedHub) -> None:
    """As after a crash between a commit and its indexing, or after an upgrade."""
    await hub.channel("ci")
    await publish(hub, *["before"] * (5 * EVERY))
    await until_indexed(hub, 5 * EVERY)
    whole = await indexed(hub.services.db)
    await drop_index(hub.services.db, beyond=EVERY)
    await hub.services.words.catch_up()
    await until_indexed(hub, 5 * EVERY)

    assert [first for first, _ in whole] == [1, *(last + 1 for _, last in whole[:-1])]
    assert await indexed(hub.services.db) == whole


async def test_an_index_that_fails_blocks_no_update(hub: ServedHub, caplog: pytest.LogCaptureFixture) -> None:
    await hub.channel("ci")
    async with hub.services.db.transaction() as tx:
        await tx.execute(text("ALTER TABLE word_runs RENAME COLUMN words TO lost"))
    await publish(hub, *[f"number{n}" for n in range(1, EVERY + 1)])

    async def is_logged() -> bool:
        return "not indexed yet" in caplog.text

    await until(is_logged)
    async with hub.services.db.transaction() as tx:
        await tx.execute(text("ALTER TABLE word_runs RENAME COLUMN lost TO words"))
    await publish(hub, *[f"number{n}" for n in range(EVERY + 1, 2 * EVERY + 1)])
    await until_indexed(hub, EVERY)

    assert await found(hub, "q=number3") == [3]


async def test_several_tasks_that_index_at_once_index_once(hub: ServedHub) -> None:
    channel = await hub.channel("ci")
    await publish(hub, *["word"] * EVERY)
    runs = await read_again(hub, channel)
    done = await asyncio.gather(*(add(hub.services.db, runs) for _ in range(4)), return_exceptions=True)

    assert sorted(type(each).__name__ for each in done) == ["NoneType", *["Unstorable"] * 3]
    assert await indexed(hub.services.db) == list(runs.spans)
    assert await found(hub, "q=word&limit=1000") == [*range(EVERY, 0, -1)]


@pytest.mark.parametrize("how", ["emptied", "renewed", "removed"])
async def test_words_of_a_log_that_was_replaced_or_removed_meanwhile_are_not_added(hub: ServedHub, how: str) -> None:
    channel = await hub.channel("ci")
    await publish(hub, *["word"] * EVERY)
    runs = await read_again(hub, channel)
    async with hub.services.db.transaction() as tx:
        if how == "renewed":
            await tx.execute(update(CHANNELS).values(epoch="other"))
        else:
            await (channels.empty if how == "emptied" else channels.remove)(tx, channel.id)
    try:
        await add(hub.services.db, runs)
    except InvalidUpdate:
        assert how == "removed"  # On SQLite, where each row's channel is checked.

    assert await indexed(hub.services.db) == []


async def test_the_index_is_removed_with_its_log(hub: ServedHub) -> None:
    channel = await hub.channel("ci")
    await publish(hub, *["word"] * (2 * EVERY))
    await until_indexed(hub, 2 * EVERY)
    async with hub.services.db.transaction() as tx:
        await channels.empty(tx, channel.id)
    await publish(hub, "another")

    assert await indexed(hub.services.db) == []
    assert (await found(hub, "q=word"), await found(hub, "q=another")) == ([], [1])


async def test_retention_removes_the_runs_of_removed_updates(hub: ServedHub) -> None:
    await hub.channel("ci", retention_updates=EVERY + 2)
    await publish(hub, *["word"] * (4 * EVERY))
    await until_indexed(hub, 4 * EVERY)
    await trim_logs(hub.services.db)
    kept = await indexed(hub.services.db)
    await publish(hub, *["word"] * EVERY)
    await until_indexed(hub, 5 * EVERY)

    assert kept[0][0] <= 3 * EVERY - 1 <= kept[0][1]
    assert await found(hub, "q=word&after=0&limit=1") == [3 * EVERY - 1]


async def test_one_transaction_indexes_only_few_long_updates(hub: ServedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = await hub.channel("ci")
    monkeypatch.setattr(word_index, "ONCE_LEAST", 2)
    monkeypatch.setattr(word_index, "ONCE_CHARACTERS", 60)
    await publish(hub, *["ten10ten10"] * EVERY)  # A sixteenth of them are 10 characters: 60 are 6.
    runs = await read_again(hub, channel, upto=12)
    monkeypatch.setattr(word_index, "ONCE_CHARACTERS", 1)
    async with hub.services.db.looking() as tx:
        least = await word_index.following(tx, channel.id, channel.epoch)

    assert runs.spans == ((1, 4), (5, 6)) and runs.is_behind
    assert least is not None and least.spans == ((1, 2),)


async def test_updates_without_words_are_indexed_without_words(hub: ServedHub) -> None:
    await hub.channel("ci")
    await hub.call("POST", PATH, json={"updates": [{"value": n} for n in range(EVERY)]})
    await until_indexed(hub, EVERY)
    async with hub.services.db.reading() as tx:
        words = (await tx.execute(select(WORD_RUNS.c.words))).scalars().all()

    assert set(words) == {""}


@pytest.mark.parametrize("word", ["ᦰ", "ᳲ", "ꙮ", "ß", "ǆ", "日本語", "ı", "हिन्दी", "தமிழ்", "مُحَمَّد", "𑄌𑄋𑄴"])
async def test_a_letter_that_an_index_may_not_support_is_found(hub: ServedHub, word: str) -> None:
    """FTS5 treats some letters as separators, and folds others in its own way."""
    await hub.channel("ci")
    await publish(hub, *["other"] * 3, word, *["other"] * EVERY)
    await until_indexed(hub, EVERY)

    assert await found(hub, f"q={word}") == [4]
