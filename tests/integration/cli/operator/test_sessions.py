"""`tidewire session` beside a hub: what it ends is out within two seconds."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from app.actions.setup import open_database
from app.clock import now_ms
from app.config import Settings
from app.model.secret import digest
from app.model.session import NewSession
from app.store import sessions, users
from app.web.http.session_cookie import _serializer
from tests.support.command import CommandLine
from tests.support.process import HubProcess, hub_process


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[HubProcess]:
    """A hub with the user ana, who has two sessions."""
    settings = {"TIDEWIRE_POLL_INTERVAL": "0.2", "TIDEWIRE_SECRET_KEY": "x" * 40}
    async with hub_process(tmp_path, settings) as running:
        await CommandLine(tmp_path, {}).ok("user", "create", "ana", "--email", "ana@example.org")
        url = f"sqlite+aiosqlite:///{tmp_path}/data/tidewire.db"
        async with open_database(Settings(env="testing", database_url=url)) as db, db.transaction() as tx:
            ana = await users.find(tx, "ana")
            assert ana is not None
            for n in range(2):
                new = NewSession(ana.id, f"agent \x1b[2J {n}", "192.0.2.1", True)
                await sessions.add(tx, new, digest(f"secret {n}"), now_ms() + n)
        yield running


async def test_sessions_are_listed_and_ended(hub: HubProcess, tmp_path: Path) -> None:
    cli = CommandLine(tmp_path, {})
    cookie = _serializer(("x" * 40,)).dumps("secret 0")
    listed, as_json = await cli.ok("session", "list", "ana"), await cli.ok("session", "list", "ana", "--json")
    newest, oldest = json.loads(as_json)
    async with (
        aiohttp.ClientSession(headers={"Cookie": f"tidewire={cookie}"}) as http,
        http.ws_connect(f"{hub.url}/api/v1/ws") as socket,
    ):
        welcome = await socket.receive_json(timeout=5)
        ended = await cli.ok("session", "end", "ana", "--id", str(oldest["id"]))
        closed = await socket.receive(timeout=2)
    rest = await cli.ok("session", "end", "ana")
    none = await cli.run("session", "list", "ana")
    refused = [
        await cli.run("session", "end", "ana", "--id", str(oldest["id"])),
        await cli.run("session", "list", "nobody"),
        await cli.run("session", "end", "nobody"),
    ]

    assert "\x1b" not in listed and listed.count("192.0.2.1") == 2
    assert set(newest) == {"id", "address", "agent", "created_at", "seen_at"} and newest["agent"].endswith("1")
    assert (welcome["user"], ended, closed.data) == ("ana", "1 session of ana ended.\n", 4401)
    assert rest == "1 session of ana ended.\n"
    assert (none.status, none.out, "not signed in" in none.err) == (0, "", True)
    assert [(each.status, each.err.startswith("Error: ")) for each in refused] == [(1, True)] * 3
