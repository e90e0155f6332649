"""hypercorn's own command serves a hub as `tidewire serve` does; an embedded hub changes nothing in its process."""

import json
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support import ROOT
from tests.support.child import Child
from tests.support.command import CommandLine
from tests.support.ports import HOST, free_port
from tests.support.process import hub_process
from tests.support.ways import Way

PRODUCTION = {"TIDEWIRE_ENV": "production", "TIDEWIRE_SECRET_KEY": "x" * 40}
# A blueprint that reports what the hub has changed in its process.
PROBE = """
import gc, logging, signal
from quart import Blueprint
blueprint = Blueprint("probe", __name__)
@blueprint.get("/probe")
async def probe():
    return {
        "threshold": gc.get_threshold(),
        "frozen": gc.get_freeze_count() > 0,
        "ignores_sigterm": signal.getsignal(signal.SIGTERM) is signal.SIG_IGN,
        "root": len(logging.getLogger().handlers),
        "tidewire": len(logging.getLogger("tidewire").handlers),
    }
"""
EMBEDDED = """
from app import create_app
from app.config import Settings
import probe
application = create_app(Settings.load(), blueprints=[probe.blueprint])
"""

WRAPPED = """
from embedded import application
inner = application.asgi_app
async def wrapping(scope, receive, send):
    async def sent(message):
        await send(message)
    await inner(scope, receive, send if scope["type"] == "lifespan" else sent)
application.asgi_app = wrapping
"""


def hypercorn(application: str = "app:create_app()", *options: str) -> list[str]:
    """hypercorn's own command, as the documentation gives it."""
    return [
        sys.executable,
        "-m",
        "hypercorn",
        "-c",
        str(ROOT / "hypercorn.toml"),
        "-b",
        "{bind}",
        *options,
        application,
    ]


async def probed(url: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/probe") as response:
        answer: dict[str, Any] = await response.json()
        return answer


@pytest.mark.parametrize("workers", ["0", "1"])
async def test_hypercorns_own_command_sets_up_logs_and_the_collector_and_stops_gracefully(
    workers: str, tmp_path: Path
) -> None:
    tmp_path.joinpath("probe.py").write_text(PROBE)
    await CommandLine(tmp_path, PRODUCTION).ok("db", "upgrade")
    settings = {**PRODUCTION, "TIDEWIRE_BLUEPRINTS": "probe:blueprint"}
    async with (
        hub_process(tmp_path, settings, program=hypercorn("app:create_app()", "-w", workers)) as hub,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{hub.url}/api/v1/ws") as websocket,
    ):
        welcome = await websocket.receive_json(timeout=10)
        process = await probed(hub.url)
        status = await hub.stop()
        closed = await websocket.receive(timeout=10)

    events = [json.loads(line) for line in hub.log.splitlines()]
    messages = [(event["logger"], event["message"]) for event in events]
    assert ("tidewire.server", "Clients are reached by the direct transport: hypercorn's own sockets") in messages
    assert ("tidewire.server", f"Running on {hub.url} (CTRL + C to quit)") in messages
    assert (process["threshold"], process["frozen"]) == ([5000, 20, 20], True)
    assert (process["ignores_sigterm"], process["root"]) == (workers == "1", 0)
    assert (welcome["type"], closed.data, status) == ("welcome", 1001, 0)


async def test_in_development_hypercorns_own_command_prints_the_hubs_address(tmp_path: Path) -> None:
    async with hub_process(
        tmp_path, {"TIDEWIRE_BIND": "127.0.0.1:1"}, program=hypercorn("app:create_app()", "-w0")
    ) as hub:
        pass

    welcome, setup = hub.log.splitlines()
    assert welcome == f'Tidewire is at {hub.url} - try: curl -d "hello" {hub.url}/lobby (Ctrl-C ends it)'
    assert f"{hub.url}/setup/" in setup


async def test_a_server_without_the_direct_transport_is_logged_at_the_start(tmp_path: Path) -> None:
    async with hub_process(tmp_path, {}, way=Way.PLAIN) as hub:
        pass

    assert "Clients are reached by plain ASGI, which costs more and bounds less: its send is tests.support" in hub.log


@pytest.mark.parametrize(
    ("workers", "settings", "reason"),
    [
        ("0", {"TIDEWIRE_ENV": "production"}, "TIDEWIRE_SECRET_KEY"),
        ("1", {"TIDEWIRE_ENV": "production"}, "TIDEWIRE_SECRET_KEY"),
        ("1", {"TIDEWIRE_BLUEPRINTS": "nothing.here:blueprint"}, "TIDEWIRE_BLUEPRINTS"),
        ("1", PRODUCTION, "run `tidewire db upgrade`"),
    ],
)
def test_what_prevents_a_start_by_hypercorns_own_command_is_reported_in_one_line(
    workers: str, settings: dict[str, str], reason: str, tmp_path: Path
) -> None:
    command = hypercorn("app:create_app()", "-w", workers)
    program = [each.format(bind=f"{HOST}:{free_port()}") for each in command]
    child = Child(program, tmp_path / "log", cwd=tmp_path, env={"PYTHONPATH": str(ROOT), **settings})
    child.spawn()
    try:
        status = child.wait(within=30)
    finally:
        child.send(signal.SIGKILL)

    log = child.log_tail()
    assert reason in log and log.startswith("Error: ") and log.count("\n") == 1, log
    if workers == "0":  # hypercorn itself ends with 0 once its workers have failed.
        assert status == 1


async def test_a_middleware_that_hides_the_connections_is_logged_once(tmp_path: Path) -> None:
    tmp_path.joinpath("probe.py").write_text(PROBE)
    tmp_path.joinpath("embedded.py").write_text(EMBEDDED)
    tmp_path.joinpath("wrapped.py").write_text(WRAPPED)
    async with hub_process(tmp_path, {}, program=hypercorn("wrapped:application", "-w0")) as hub:
        await probed(hub.url)

    assert hub.log.count("Clients are reached by plain ASGI") == 1
    assert "something between the server and the hub wraps" in hub.log


async def test_an_embedded_hub_changes_nothing_in_its_process(tmp_path: Path) -> None:
    tmp_path.joinpath("probe.py").write_text(PROBE)
    tmp_path.joinpath("embedded.py").write_text(EMBEDDED)
    async with hub_process(tmp_path, {}, program=hypercorn("embedded:application", "-w0")) as hub:
        process = await probed(hub.url)

    assert process == {
        "threshold": [2000, 10, 0] if sys.version_info >= (3, 14) else [2000, 10, 10],
        "frozen": False,
        "ignores_sigterm": False,
        "root": 0,
        "tidewire": 0,
    }
