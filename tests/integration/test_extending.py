"""The examples of docs/extending.md run as they are written there."""

import asyncio
import runpy
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support import ROOT
from tests.support.command import CommandLine
from tests.support.examples import write_examples
from tests.support.ports import HOST, free_port
from tests.support.process import hub_process

SETTINGS = {"TIDEWIRE_BLUEPRINTS": "notes:notes", "TIDEWIRE_MIGRATIONS": "notes_migrations"}


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """The setting of an empty database."""
    if request.param == "sqlite":
        return {}
    return {"TIDEWIRE_DATABASE_URL": request.getfixturevalue("postgres_url")}


async def test_the_blueprint_its_tables_and_its_cache_answer(tmp_path: Path, database: dict[str, str]) -> None:
    write_examples("extending.md", tmp_path)
    answers: list[Any] = []
    async with (
        hub_process(tmp_path, {**SETTINGS, **database}) as hub,
        aiohttp.ClientSession(hub.url) as session,
    ):
        for path in ("/notes/?q=1", "/notes/mine"):
            async with session.get(path) as answer:
                answers.append(await answer.json())
        for path, form in (("/notes/publish", {"text": "hello"}), ("/notes/kept", {"body": "first"})):
            async with session.post(path, data=form) as answer:
                answers.append((answer.status, await answer.json()))
        for path in ("/notes/kept", "/notes/count/first"):
            async with session.get(path) as answer:
                answers.append(await answer.json())
        async with session.post("/notes/kept", data={"body": "first again"}) as answer:
            assert answer.status == 201
        for path in ("/notes/count/first", "/notes/count/again"):
            async with session.get(path) as answer:
                answers.append(await answer.json())

    assert answers == [
        {"name": "app", "q": "1"},
        {"anonymous": True},
        (201, {"seq": 1}),
        (201, {"body": "first"}),
        {"kept": ["first"]},
        {"count": 1},
        {"count": 1},  # Kept.
        {"count": 1},
    ]


async def test_production_needs_the_upgrade_that_the_guide_names_and_a_package_can_be_removed(
    tmp_path: Path, database: dict[str, str]
) -> None:
    write_examples("extending.md", tmp_path)
    given = {"TIDEWIRE_ENV": "production", "TIDEWIRE_SECRET_KEY": "x" * 40, **database}
    here = {**given, "TIDEWIRE_BIND": f"{HOST}:{free_port()}"}
    cli, own = CommandLine(tmp_path, here), CommandLine(tmp_path, {**here, **SETTINGS})
    await cli.ok("db", "upgrade")
    refused = await own.run("serve")
    upgraded = await own.ok("db", "upgrade")
    without = await cli.run("serve")
    async with (
        hub_process(tmp_path, {**given, **SETTINGS}) as hub,
        aiohttp.ClientSession(hub.url) as session,
        session.get("/notes/kept") as answer,
    ):
        kept = await answer.json()
    unknown = await own.run("db", "remove", "other", "--yes")
    removed = await own.ok("db", "remove", "notes", "--yes")
    again = await cli.ok("db", "upgrade")

    assert refused.status == 1 and "at revision 0005 and this hub needs 0005, notes_0001" in refused.err
    assert upgraded == "Upgraded the schema from 0005 to revision 0005, notes_0001.\n"
    assert without.status == 1 and "a package that TIDEWIRE_MIGRATIONS does not name" in without.err
    assert kept == {"kept": []}
    assert unknown.status == 1 and "the labels are: notes" in unknown.err
    assert removed.startswith("Undid 1 migration of notes: take its package out")
    assert again == "The schema is at revision 0005 already.\n"


async def test_the_test_of_the_guide_passes(tmp_path: Path) -> None:
    write_examples("extending.md", tmp_path)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_notes.py",
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, _ = await process.communicate()

    assert process.returncode == 0 and b"1 passed" in out, out.decode()


async def test_the_command_and_the_wsgi_application_of_the_guide_answer(tmp_path: Path) -> None:
    write_examples("extending.md", tmp_path)
    greeting = await CommandLine(tmp_path, SETTINGS).ok("notes", "greet", "Ana")
    async with (
        hub_process(tmp_path, {"TIDEWIRE_MOUNT": "/shop=shop:app"}) as hub,
        aiohttp.ClientSession(hub.url) as session,
        session.get("/shop/") as answer,
    ):
        page = await answer.text()

    assert (greeting, page) == ("Hello, Ana.\n", "The shop is open.")


@pytest.fixture
def cached(tmp_path: Path) -> Any:
    """The decorator that the guide shows."""
    write_examples("extending.md", tmp_path)
    return runpy.run_path(str(tmp_path / "cached.py"))["cached"]


async def test_concurrent_calls_of_the_cache_share_one_and_a_cancelled_one_ends_none(cached: Any) -> None:
    calls: list[str] = []
    both_began, may_end = asyncio.Event(), asyncio.Event()

    async def upper(word: str) -> str:
        calls.append(word)
        if word == "b":
            both_began.set()
        await may_end.wait()
        return word.upper()

    load = cached(seconds=60)(upper)
    first, *more = [asyncio.create_task(load("a")) for _ in range(5)]
    other = asyncio.create_task(load("b"))
    await both_began.wait()
    first.cancel()
    may_end.set()

    assert await asyncio.gather(*more, other) == ["A"] * 4 + ["B"]
    assert calls == ["a", "b", "a"] and await load("a") == "A" and len(calls) == 3


async def test_the_cache_forgets_after_its_time_beyond_its_bound_and_on_an_exception(cached: Any) -> None:
    calls: list[int] = []

    async def load(number: int) -> int:
        calls.append(number)
        if number < 0:
            raise LookupError
        return number

    short, bounded = cached(seconds=0)(load), cached(60, most=2)(load)
    assert [await short(1), await short(1)] == [1, 1] and calls == [1, 1]
    calls.clear()
    for number in (1, 2, 3, 3, 1):
        await bounded(number)
    assert calls == [1, 2, 3, 1]
    calls.clear()
    for _ in range(2):
        with pytest.raises(LookupError):
            await bounded(-1)
    assert calls == [-1, -1]
