"""`tidewire serve --reload`: a change of the code is served by a new worker, and watchers miss nothing."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tests.support.command import CommandLine
from tests.support.process import HubProcess, hub_process
from tests.support.watcher import Watcher

PROGRAM = (sys.executable, "-m", "app", "serve", "--reload")
SETTINGS = {"TIDEWIRE_BLUEPRINTS": "notes:notes", "TIDEWIRE_SECRET_KEY": "x" * 40}
BLUEPRINT = """
from quart import Blueprint, abort
notes = Blueprint("notes", __name__)

@notes.get("/notes")
async def show():
    return "{}"

@notes.route("/fails", methods=["GET", "POST"])
@notes.get("/api/v1/fails")
async def fails():
    raise LookupError("<b>the password</b> is hunter2")

@notes.get("/aborts")
async def aborts():
    abort(500)
"""
PAGE = {"Accept": "text/html"}


def write(directory: Path, text: str) -> None:
    directory.joinpath("notes.py").write_text(BLUEPRINT.format(text))


async def text_of(hub: HubProcess) -> str:
    """What the view returns, on a connection of its own. A worker that ends may leave it unanswered."""
    async with aiohttp.ClientSession() as session, session.get(f"{hub.url}/notes") as answer:
        return await answer.text()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            if holds():
                return
            await asyncio.sleep(0.05)


async def becomes(hub: HubProcess, text: str) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                if await text_of(hub) == text:
                    return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)


async def test_a_changed_file_is_served_and_a_watcher_misses_nothing(tmp_path: Path) -> None:
    write(tmp_path, "one")
    publish = CommandLine(tmp_path, {})
    async with hub_process(tmp_path, SETTINGS, program=PROGRAM) as hub, Watcher(hub.url, channel="lobby") as watcher:
        await publish.ok("publish", "lobby", "before", TIDEWIRE_URL=hub.url)
        await watcher.seen(1)
        before = await text_of(hub)
        write(tmp_path, "another")
        await becomes(hub, "another")
        await publish.ok("publish", "lobby", "after", TIDEWIRE_URL=hub.url)
        await watcher.seen(2)
        status = await hub.stop()

    assert (before, status) == ("one", 0)
    assert watcher.seqs == [1, 2] and 1001 in watcher.closes
    assert "notes.py has changed: the hub starts again" in hub.log


async def test_a_file_that_can_not_be_imported_is_waited_for_with_the_clients_that_came(tmp_path: Path) -> None:
    write(tmp_path, "one")
    async with hub_process(tmp_path, SETTINGS, program=PROGRAM) as hub:
        tmp_path.joinpath("notes.py").write_text("def (")
        await until(lambda: "it starts again when a file changes" in hub.log)
        waiting = asyncio.create_task(text_of(hub))
        write(tmp_path, "mended")
        answer = await asyncio.wait_for(waiting, 30)

    assert answer == "mended"
    assert "SyntaxError" in hub.log


async def test_a_new_file_and_the_settings_are_watched_and_what_is_installed_is_not(tmp_path: Path) -> None:
    write(tmp_path, "one")
    installed = tmp_path / "env" / "lib"
    installed.mkdir(parents=True)
    tmp_path.joinpath("env", "pyvenv.cfg").touch()
    async with hub_process(tmp_path, SETTINGS, program=PROGRAM) as hub:
        for path in (installed / "x.py", tmp_path / "notes.txt", tmp_path / ".#notes.py"):
            path.touch()
        tmp_path.joinpath("added.py").touch()
        await until(lambda: "added.py has changed" in hub.log)
        tmp_path.joinpath(".env").write_text("TIDEWIRE_HEARTBEAT=5\n")
        await until(lambda: ".env has changed" in hub.log)

    assert not any(f"{name} has changed" in hub.log for name in ("x.py", "notes.txt", "#notes.py"))


async def test_ctrl_c_ends_the_parent_and_its_worker_in_good_order(tmp_path: Path) -> None:
    write(tmp_path, "one")
    async with hub_process(tmp_path, SETTINGS, program=PROGRAM) as hub:
        write(tmp_path, "another")
        await becomes(hub, "another")
        children = Path(f"/proc/{hub.pid}/task/{hub.pid}/children").read_text().split()
        workers = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        for pid in (*map(int, children), hub.pid):  # As the terminal does, for the whole group.
            os.kill(pid, signal.SIGINT)
        await until(lambda: not hub.running)

    assert "Traceback" not in hub.log and "KeyboardInterrupt" not in hub.log
    assert len(workers) == 1 and not Path(f"/proc/{workers[0]}").exists()


@pytest.mark.parametrize(
    ("settings", "options", "reason"),
    [
        ({"TIDEWIRE_ENV": "production"}, [], "--reload is for development, and TIDEWIRE_ENV is production"),
        ({"TIDEWIRE_REDIS_URL": "redis://127.0.0.1:1"}, ["--workers", "2"], "--reload runs one worker, not 2"),
    ],
)
async def test_it_is_refused_in_production_and_with_workers(
    settings: dict[str, str], options: list[str], reason: str, tmp_path: Path
) -> None:
    outcome = await CommandLine(tmp_path, {"TIDEWIRE_SECRET_KEY": "x" * 40, **settings}).run(
        "serve", "--reload", *options
    )

    assert (outcome.status, outcome.out) == (2, "")
    assert reason in outcome.err


@pytest.mark.parametrize(
    ("env", "address", "proxies"),
    [
        ("development", "", 0),
        ("development", "203.0.113.9", 0),
        ("development", "203.0.113.9", 1),
        ("production", "", 0),
    ],
)
async def test_the_page_of_an_error_shows_its_trace_in_development_to_this_machine_alone(
    env: str, address: str, proxies: int, tmp_path: Path
) -> None:
    write(tmp_path, "one")
    settings = {**SETTINGS, "TIDEWIRE_ENV": env, "TIDEWIRE_TRUSTED_PROXIES": str(proxies)}
    headers = {**PAGE, **({"X-Forwarded-For": address} if address else {})}
    await CommandLine(tmp_path, settings).ok("db", "upgrade")
    async with hub_process(tmp_path, settings) as hub, aiohttp.ClientSession() as session:
        answers = []
        for path in ("/fails", "/api/v1/fails", "/aborts"):
            async with session.get(hub.url + path, headers=headers) as answer:
                answers.append((answer.status, await answer.text()))
        async with session.post(f"{hub.url}/fails", headers=headers, data={"a": "b"}) as answer:
            posted = await answer.text()
    page, for_tools, aborted = (body for _, body in answers)

    assert [status for status, _ in answers] == [500, 500, 500]
    if env == "development" and not address:
        assert "&lt;b&gt;the password&lt;/b&gt; is hunter2" in page and "in fails" in page and "<b>the" not in page
        assert "is hunter2" in posted and "<pre" in posted
    else:
        assert "hunter2" not in page and "Traceback" not in page and "notes.py" not in page
        assert "hunter2" not in posted
    assert all("hunter2" not in body and "Traceback" not in body for body in (for_tools, aborted))
    assert set(for_tools) and '"trace"' not in for_tools
    assert "hunter2" in hub.log
