"""The log of a hub that owns its process: one form for the hub, its blueprints, Python and libraries."""

import json
from pathlib import Path

import aiohttp
import pytest

from tests.support.command import CommandLine
from tests.support.process import hub_process

BLUEPRINT = """
import asyncio, gc, logging, threading, warnings
from quart import Blueprint, abort
blueprint = Blueprint("odd", __name__)

@blueprint.get("/odd/warn")
async def warn():
    warnings.warn("a warning of Python's")
    return "done"

@blueprint.get("/odd/library")
async def library():
    logging.getLogger("some.library").warning("a library's own line")
    return "done"

@blueprint.get("/odd/thread")
async def thread():
    started = threading.Thread(target=lambda: 1 / 0)
    started.start()
    await asyncio.to_thread(started.join)
    return "done"

@blueprint.get("/odd/forgotten")
async def forgotten():
    class Fails:
        def __del__(self): raise LookupError("in a finaliser")
    Fails()
    return "done"

@blueprint.get("/odd/abort")
async def abort_():
    abort(500)

@blueprint.get("/odd/raise")
async def raise_():
    raise LookupError("of a view")

@blueprint.get("/odd/abort503")
async def abort_503():
    abort(503)
"""
PATHS = ("warn", "library", "thread", "forgotten", "abort", "raise", "abort503")
SETTINGS = {"TIDEWIRE_BLUEPRINTS": "odd:blueprint", "TIDEWIRE_SECRET_KEY": "x" * 40}


async def called(url: str) -> dict[str, str]:
    """Each path, called once: its request id."""
    async with aiohttp.ClientSession() as session:
        ids = {}
        for path in PATHS:
            async with session.get(f"{url}/odd/{path}") as answer:
                ids[path] = answer.headers["X-Request-ID"]
        return ids


async def test_in_production_every_line_is_one_json_object(tmp_path: Path) -> None:
    tmp_path.joinpath("odd.py").write_text(BLUEPRINT)
    settings = {**SETTINGS, "TIDEWIRE_ENV": "production"}
    await CommandLine(tmp_path, settings).ok("db", "upgrade")
    async with hub_process(tmp_path, settings) as hub:
        ids = await called(hub.url)
        await hub.stop()

    events = [json.loads(line) for line in hub.log.splitlines()]
    about = {event.get("request_id"): event for event in events}
    assert "a warning of Python's" in about[ids["warn"]]["message"]
    assert about[ids["library"]]["logger"] == "some.library"
    assert any("ZeroDivisionError" in event.get("trace", "") for event in events)
    assert "in a finaliser" in about[ids["forgotten"]]["trace"]
    assert "500 Internal Server Error" in about[ids["abort"]]["message"]
    assert "503 Service Unavailable" in about[ids["abort503"]]["message"]
    assert "of a view" in about[ids["raise"]]["trace"]


@pytest.mark.parametrize("path", ["abort", "raise", "abort503"])
async def test_in_development_the_line_of_an_error_has_its_id(path: str, tmp_path: Path) -> None:
    tmp_path.joinpath("odd.py").write_text(BLUEPRINT)
    async with hub_process(tmp_path, SETTINGS) as hub:
        ids = await called(hub.url)

    assert [line for line in hub.log.splitlines() if f"[{ids[path]}]" in line and "Request" in line]


@pytest.mark.parametrize("level", ["info", "error"])
async def test_the_access_log_of_production_is_json_at_every_level(level: str, tmp_path: Path) -> None:
    settings = {**SETTINGS, "TIDEWIRE_ENV": "production", "TIDEWIRE_ACCESS_LOG": "on", "TIDEWIRE_LOG_LEVEL": level}
    tmp_path.joinpath("odd.py").write_text(BLUEPRINT)
    await CommandLine(tmp_path, settings).ok("db", "upgrade")
    async with hub_process(tmp_path, settings) as hub, aiohttp.ClientSession() as session:
        async with session.get(f"{hub.url}/odd/library?ticket=secret") as answer:
            request_id = answer.headers["X-Request-ID"]
        await hub.stop()

    events = [json.loads(line) for line in hub.log.splitlines()]
    (line,) = [each for each in events if each["logger"] == "tidewire.access" and each["path"] != "/readyz"]
    assert (line["method"], line["path"], line["status"], line["bytes"]) == ("GET", "/odd/library", 200, 4)
    assert (line["request_id"], line["address"]) == (request_id, "127.0.0.1")
    assert "secret" not in hub.log


async def test_the_access_log_of_development_is_readable_and_off_by_default(tmp_path: Path) -> None:
    tmp_path.joinpath("odd.py").write_text(BLUEPRINT)
    for number, access_log in enumerate(["", "on"]):
        async with hub_process(tmp_path, {**SETTINGS, "TIDEWIRE_ACCESS_LOG": access_log}) as hub:
            ids = await called(hub.url)

        found = [line for line in hub.log.splitlines() if "tidewire.access" in line and "/odd/warn" in line]
        assert len(found) == number
    assert "GET /odd/warn 200, 4 bytes, " in found[0] and found[0].endswith(f"127.0.0.1 [{ids['warn']}]")
