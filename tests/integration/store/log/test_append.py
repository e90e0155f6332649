"""The log on both databases: seqs without a gap, batches whole or not at all, and a bad publish that fails alone."""

import asyncio
import resource
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy import text

from app.clock import now_ms
from app.config import Settings
from app.errors import Refusal
from app.model.access import ANONYMOUS
from app.model.draft import Submission, check
from app.model.submission import Outcome, Stored, Submitted
from app.model.update import Draft
from app.store.engine.database import Database
from app.store.log import read as history
from app.store.log.append import Log
from tests.support.hub import ServedHub, serving
from tests.support.log import append, log_of


def submitted(slug: str, *bodies: str, key: str | None = None) -> Submitted:
    return Submitted(slug, ANONYMOUS, check([Draft(body=body) for body in bodies]), key)


def unstorable(slug: str) -> Submitted:
    """What every entry point rejects, and the databases' drivers refuse: half a surrogate pair."""
    return Submitted(slug, ANONYMOUS, Submission((Draft(key="\ud800", body="x"),), (b'{"body":"x"}',)))


async def in_history(hub: ServedHub, slug: str) -> list[tuple[int, str]]:
    answer = await hub.call("GET", f"/api/v1/channels/{slug}/updates?after=0&limit=1000")
    return [(update["seq"], update["body"]) for update in answer.json["updates"]]


async def test_numbers_follow_the_order_of_commits(hub: ServedHub) -> None:
    """The race of a sequence: the transaction that takes its number first commits last, and a reader skips it."""
    await hub.channel("race")
    channel = (await hub.call("GET", "/api/v1/channels/race")).json

    async with holding(hub.services.settings, submitted("race", "first")) as first:
        overtaking = asyncio.create_task(append(hub.services.log, submitted("race", "second")))
        done, _ = await asyncio.wait([overtaking], timeout=0.3)
        seen = await in_history(hub, "race")
    outcomes = [*await first, *await overtaking]

    assert (done, seen, channel["last_seq"]) == (set(), [], 0)
    assert [entry.seq for each in outcomes if isinstance(each, Stored) for entry in each.entries] == [1, 2]
    assert await in_history(hub, "race") == [(1, "first"), (2, "second")]


@asynccontextmanager
async def holding(settings: Settings, *group: Submitted) -> AsyncIterator[asyncio.Task[list[Outcome]]]:
    """The group's transaction by another hub, with its channels locked, held open until the end."""
    locked, go_on = threading.Event(), threading.Event()

    def wait(*_: object) -> None:
        locked.set()
        assert go_on.wait(10)

    async def append_slowly() -> list[Outcome]:
        async with log_of(settings) as log:
            return await log.append(group, now_ms(), wait, 20)

    # In a thread with a loop of its own, which may wait inside of the transaction.
    writing = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(append_slowly())))
    assert await asyncio.to_thread(locked.wait, 10)
    yield writing
    go_on.set()


async def test_many_publishers_leave_no_gap(hub: ServedHub) -> None:
    for slug in ("a", "b", "c"):
        await hub.channel(slug)
    publisher = hub.services.publisher
    stored = await asyncio.gather(*[publisher.submit(submitted("abc"[n % 3], f"{n}-0", f"{n}-1")) for n in range(150)])

    for slug in ("a", "b", "c"):
        mine = [each for each in stored if each.channel.slug == slug]
        assert sorted(entry.seq for each in mine for entry in each.entries) == list(range(1, 101))
        assert all(each.entries[1].seq == each.entries[0].seq + 1 for each in mine)
        assert [seq for seq, _ in await in_history(hub, slug)] == list(range(1, 101))


async def test_two_hubs_that_touch_the_same_channels_never_deadlock(hub: ServedHub) -> None:
    for slug in ("a", "b"):
        await hub.channel(slug)

    async def write(log: Log, slugs: str) -> None:
        for n in range(30):
            await append(log, *[submitted(slug, str(n)) for slug in slugs])

    async with asyncio.timeout(30), log_of(hub.services.settings) as other:
        await asyncio.gather(write(hub.services.log, "ab"), write(other, "ba"))

    assert [seq for seq, _ in await in_history(hub, "a")] == list(range(1, 61))


async def test_one_bad_publish_does_not_fail_its_neighbours(hub: ServedHub) -> None:
    await hub.channel("ci")
    publisher = hub.services.publisher
    group = [submitted("ci", "one"), submitted("nowhere", "lost"), unstorable("ci"), submitted("ci", "two")]
    outcomes = await asyncio.gather(*[publisher.submit(each) for each in group], return_exceptions=True)

    assert [isinstance(each, Stored) for each in outcomes] == [True, False, False, True]
    assert all(isinstance(each, Stored | Refusal) for each in outcomes)
    assert await in_history(hub, "ci") == [(1, "one"), (2, "two")]


async def test_a_batch_is_stored_whole_or_not_at_all(hub: ServedHub) -> None:
    await hub.channel("ci")
    good, bad = {"body": "good"}, {"progress": 3}
    refused = await hub.call("POST", "/api/v1/channels/ci/updates", json={"updates": [good, bad]})
    stored = await hub.call(
        "POST", "/api/v1/channels/ci/updates", json={"updates": [{"body": str(n)} for n in range(500)]}
    )

    assert (refused.status, refused.json["error"]["field"]) == (422, "updates[1].progress")
    assert [update["seq"] for update in stored.json["updates"]] == list(range(1, 501))
    assert await in_history(hub, "ci") == [(n + 1, str(n)) for n in range(500)]


async def test_a_failed_commit_is_answered_503_and_stores_nothing(hub: ServedHub) -> None:
    await hub.channel("ci")
    async with FAILING_COMMIT[hub.services.db.dialect](hub):
        refused = await hub.call("POST", "/api/v1/channels/ci/updates", json={"body": "lost"})
    stored = await hub.publish("ci", body="kept")

    assert (refused.status, refused.code, refused.headers["Retry-After"]) == (503, "unavailable", "1")
    assert stored["seq"] == 1
    assert await in_history(hub, "ci") == [(1, "kept")]


@asynccontextmanager
async def postgres_fails_at_commit(hub: ServedHub) -> AsyncIterator[None]:
    """Every statement passes, and COMMIT itself fails for a full disk: a deferred trigger raises that error."""
    async with hub.services.db.transaction() as tx:
        await tx.execute(
            text(
                "CREATE FUNCTION no() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'disk full'"
                " USING ERRCODE = '53100'; END $$ LANGUAGE plpgsql"
            )
        )
        await tx.execute(
            text(
                "CREATE CONSTRAINT TRIGGER no AFTER INSERT ON updates DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION no()"
            )
        )
    yield
    async with hub.services.db.transaction() as tx:
        await tx.execute(text("DROP TRIGGER no ON updates"))


@asynccontextmanager
async def sqlite_fails_at_commit(hub: ServedHub) -> AsyncIterator[None]:
    """Pages are written at COMMIT, and the kernel's own limit lets no file of this process grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


FAILING_COMMIT = {"postgresql": postgres_fails_at_commit, "sqlite": sqlite_fails_at_commit}


async def test_a_locked_sqlite_is_answered_503_in_time(settings_sqlite: Settings) -> None:
    async with serving(replace(settings_sqlite, commit_timeout=0.5)) as hub:
        await hub.channel("ci")
        other = Database(hub.services.settings)
        async with other.transaction():
            refused = await hub.call("POST", "/api/v1/channels/ci/updates", json={"body": "lost"})
        await other.close()

        assert (refused.status, refused.code) == (503, "unavailable")
        assert await in_history(hub, "ci") == []


async def test_an_idempotency_key_stores_once_and_answers_the_same(hub: ServedHub) -> None:
    await hub.channel("ci")
    path, headers = "/api/v1/channels/ci/updates", {"Idempotency-Key": "k-1"}
    batch = {"updates": [{"body": "a"}, {"body": "b"}]}
    first = await hub.call("POST", path, json=batch, headers=headers)
    again = await hub.call("POST", path, json=batch, headers=headers)
    other = await hub.call("POST", path, json={"body": "c"}, headers=headers)
    at_once = await asyncio.gather(
        *[hub.call("POST", path, json={"body": "d"}, headers={"Idempotency-Key": "k-2"}) for _ in range(10)]
    )

    assert (first.status, again.status, again.headers["Idempotent-Replayed"]) == (201, 200, "true")
    assert again.json == first.json
    assert (other.status, other.code) == (409, "conflict")
    assert sorted(each.status for each in at_once) == [200] * 9 + [201]
    assert {each.json["seq"] for each in at_once} == {3}
    assert len(await in_history(hub, "ci")) == 3


async def test_an_idempotency_key_applies_to_its_channel_alone(hub: ServedHub) -> None:
    headers = {"Idempotency-Key": "same"}
    for slug in ("a", "b"):
        await hub.channel(slug)
    answers = [
        await hub.call("POST", f"/api/v1/channels/{slug}/updates", json={"body": slug}, headers=headers)
        for slug in "ab"
    ]

    assert [answer.status for answer in answers] == [201, 201]


@pytest.mark.parametrize("key", ["", "k" * 201])
async def test_an_idempotency_key_out_of_bounds_is_refused_by_name(hub_sqlite: ServedHub, key: str) -> None:
    await hub_sqlite.channel("ci")
    answer = await hub_sqlite.call(
        "POST", "/api/v1/channels/ci/updates", json={"body": "x"}, headers={"Idempotency-Key": key}
    )

    assert (answer.status, answer.json["error"]["field"]) == (400, "Idempotency-Key")


async def test_a_page_is_bounded_in_updates_and_in_bytes(hub: ServedHub) -> None:
    channel = await hub.channel("ci")
    await hub.services.publisher.submit(submitted("ci", *["x" * 1000] * 20))
    async with hub.services.db.reading() as tx:
        few = await history.read_after(tx, channel.id, 0, 5, 10**9)
        small = await history.read_after(tx, channel.id, 3, 100, 2500)
        tiny = await history.read_after(tx, channel.id, 19, 100, 1)
        none = await history.read_after(tx, channel.id, 20, 100, 1)
        nowhere = await history.read_after(tx, channel.id + 99, 0, 5, 100)

    pages = [[entry.seq for entry in page.entries] for page in (few, small, tiny, none) if page is not None]
    assert pages == [[1, 2, 3, 4, 5], [4, 5, 6], [20], []]
    assert nowhere is None
