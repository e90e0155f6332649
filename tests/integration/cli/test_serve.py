"""`tidewire serve`: one clear line for what prevents a start, and a shutdown in time that closes every socket."""

import asyncio
import os
import re
import signal
import socket
import stat
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import aiohttp
import pytest

from tests.support.command import CommandLine
from tests.support.ports import HOST, free_port
from tests.support.process import hub_process
from tests.support.watcher import Watcher

SHUTDOWN = 3.0


async def test_sigterm_stops_the_hub_in_time_and_closes_every_socket(tmp_path: Path) -> None:
    async with (
        hub_process(tmp_path, {"TIDEWIRE_SHUTDOWN_TIMEOUT": str(SHUTDOWN)}) as hub,
        Watcher(hub.url, channel="lobby", resume=False) as watcher,
        aiohttp.ClientSession() as session,
        session.get(f"{hub.url}/lobby/sse") as stream,
    ):
        await watcher.live()
        await stream.content.readline()
        reader, writer = await asyncio.open_connection(HOST, hub.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        began = time.monotonic()
        status = await hub.stop()
        took = time.monotonic() - began
        code = await watcher.closed()
        writer.close()

    assert (status, code) == (0, 1001)
    assert took < SHUTDOWN + 6
    assert "Traceback" not in hub.log


async def test_a_first_start_in_development_prints_a_command_to_try(tmp_path: Path) -> None:
    async with hub_process(tmp_path, {}) as hub:
        welcome, setup = hub.log.splitlines()
        await hub.stop()
        await CommandLine(tmp_path, {}).ok("user", "create", "ana", "--email", "ana@example.org", "--admin")
        await hub.start()
        again = hub.log.splitlines()[2:]

    assert welcome == f'Tidewire is at {hub.url} - try: curl -d "hello" {hub.url}/lobby (Ctrl-C ends it)'
    says = "This hub has no user yet. Create its administrator, within 24 hours: "
    assert re.fullmatch(re.escape(f"{says}{hub.url}/setup/") + r"[\w-]{43}", setup)
    assert again == [welcome]


@pytest.mark.parametrize(
    ("settings", "options", "reason"),
    [
        ({"TIDEWIRE_ENV": "production"}, [], "TIDEWIRE_SECRET_KEY"),
        ({"TIDEWIRE_WORKERS": "2"}, [], "TIDEWIRE_REDIS_URL is not set"),
        ({}, ["--workers", "2"], "TIDEWIRE_REDIS_URL is not set"),
        ({"TIDEWIRE_ENV": "production", "TIDEWIRE_SECRET_KEY": "x" * 40}, [], "run `tidewire db upgrade`"),
        ({"TIDEWIRE_DATABASE_URL": "mysql://h/d"}, [], "TIDEWIRE_DATABASE_URL"),
        ({"TIDEWIRE_DATABASE_URL": "postgresql+asyncpg://127.0.0.1:1/d"}, [], "database can't be reached"),
        ({"TIDEWIRE_BLUEPRINTS": "nothing.here:blueprint"}, [], "TIDEWIRE_BLUEPRINTS"),
        ({}, ["--bind", "192.0.2.1:80"], "Can't listen on 192.0.2.1:80"),
        ({}, ["--bind", "127.0.0.1:99999"], "TIDEWIRE_BIND (--bind) must be HOST:PORT"),
        ({}, ["--bind", ":18831"], "Write 127.0.0.1:18831, or 0.0.0.0:18831 to listen on every address"),
        ({"TIDEWIRE_REDIS_URL": "redis://h:99999"}, [], "TIDEWIRE_REDIS_URL must be"),
        ({"TIDEWIRE_REDIS_URL": "redis://h?nope=1"}, [], "TIDEWIRE_REDIS_URL has"),
        ({"TIDEWIRE_DATABASE_URL": "postgres://h/d?sslmode=on"}, [], "sslmode must be one of"),
        ({"TIDEWIRE_DATABASE_URL": "sqlite+aiosqlite:////proc/nothing/x.db"}, [], "can't be created or opened"),
        ({"TIDEWIRE_DATABASE_URL": "sqlite+aiosqlite:///text.db"}, [], "The file is no SQLite database"),
        ({"TIDEWIRE_DATA_DIR": "/proc/nothing"}, [], "TIDEWIRE_DATA_DIR: /proc/nothing/secret_key"),
    ],
)
async def test_what_prevents_a_start_is_reported_in_one_line(
    settings: dict[str, str], options: list[str], reason: str, tmp_path: Path
) -> None:
    (tmp_path / "text.db").write_text("This is no database. " * 50)  # In the command's working directory.
    outcome = await CommandLine(tmp_path, {"TIDEWIRE_BIND": f"{HOST}:{free_port()}", **settings}).run("serve", *options)

    assert (outcome.status, outcome.out) == (1, "")
    assert reason in outcome.err and outcome.err.startswith("Error: ") and outcome.err.count("\n") == 1, outcome.err


async def test_a_second_hub_on_one_database_or_port_is_refused(tmp_path: Path) -> None:
    async with hub_process(tmp_path, {}) as hub:
        cli = CommandLine(tmp_path, {})
        database = await cli.run("serve", "--bind", f"{HOST}:{free_port()}")
        port = await CommandLine(tmp_path / "b", {}).run("serve", "--bind", f"{HOST}:{hub.port}")

    assert (database.status, database.err.count("\n")) == (1, 1)
    assert "Another worker already runs" in database.err
    assert (port.status, port.err) == (1, f"Error: {in_use(hub.port)}\n")


async def test_a_hangup_does_not_end_it(tmp_path: Path) -> None:
    async with hub_process(tmp_path, {}) as hub:
        hub.send(signal.SIGHUP)
        published = await CommandLine(tmp_path, {"TIDEWIRE_URL": hub.url}).ok("publish", "lobby", "hello")

        assert (published, hub.running, await hub.stop()) == ("lobby #1\n", True, 0)


async def test_the_first_start_after_an_upgrade_has_the_lobby(tmp_path: Path) -> None:
    await CommandLine(tmp_path, {}).ok("db", "upgrade")
    async with hub_process(tmp_path, {}) as hub:
        assert await CommandLine(tmp_path, {"TIDEWIRE_URL": hub.url}).ok("publish", "lobby", "hello") == "lobby #1\n"

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data", *tmp_path.glob("data/*"))}
    assert modes.pop("data") == 0o700
    assert {name for name, mode in modes.items() if mode != 0o600} == set(), modes


async def test_a_variable_that_nothing_reads_is_named_at_the_start(tmp_path: Path) -> None:
    async with hub_process(tmp_path, {"TIDEWIRE_BINDS": "x", "TIDEWIRE_URL": "http://elsewhere"}) as hub:
        pass

    assert "TIDEWIRE_BINDS is no setting, and is ignored (did you mean TIDEWIRE_BIND?)" in hub.log
    assert hub.log.count("\n") == 3


@pytest.mark.parametrize("spelling", ["sqlite:///data/../data/tidewire.db", "sqlite:///link/tidewire.db"])
async def test_one_file_by_another_name_has_the_same_lock(spelling: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "data")
    async with hub_process(tmp_path, {}):
        settings = {
            "TIDEWIRE_DATABASE_URL": spelling,
            "TIDEWIRE_DATA_DIR": "other",
            "TIDEWIRE_BIND": f"{HOST}:{free_port()}",
        }
        outcome = await CommandLine(tmp_path, settings).run("serve")

    assert (outcome.status, "Another worker already runs" in outcome.err) == (1, True)


async def test_several_workers_share_a_port_and_end_together(tmp_path: Path, redis_url: str) -> None:
    settings = {"TIDEWIRE_WORKERS": "2", "TIDEWIRE_REDIS_URL": redis_url, "TIDEWIRE_SHUTDOWN_TIMEOUT": str(SHUTDOWN)}
    async with (
        hub_process(tmp_path, settings) as hub,
        Watcher(hub.url, channel="lobby", resume=False) as one,
        Watcher(hub.url, channel="lobby", resume=False) as two,
    ):
        await one.live()
        await two.live()
        published = await CommandLine(tmp_path, {"TIDEWIRE_URL": hub.url, **settings}).ok("publish", "lobby", "hello")
        await one.seen(1)
        await two.seen(1)
        status = await hub.stop()
        codes = [await one.closed(), await two.closed()]

    assert published == "lobby #1\n"
    assert (status, codes) == (0, [1001, 1001])
    assert "Traceback" not in hub.log


async def test_connections_are_distributed_over_the_workers(tmp_path: Path, redis_url: str) -> None:
    """By the hash of their addresses: of 400 opened at once each of two workers gets 200, within five deviations."""
    async with hub_process(tmp_path, {"TIDEWIRE_WORKERS": "2", "TIDEWIRE_REDIS_URL": redis_url}) as hub:
        await until(lambda: listening(hub.port) == 2)  # The first worker that is ready answers for both.
        with ExitStack() as stack:
            for _ in range(400):
                stack.enter_context(socket.create_connection((HOST, hub.port)))

            # Each of the two has some more, to Redis and to itself; any other child process has few.
            await until(lambda: sum(sockets(pid) >= 150 for pid in workers(hub.pid)) == 2)


async def test_several_workers_do_not_share_the_port_of_another_hub(tmp_path: Path, redis_url: str) -> None:
    settings = {"TIDEWIRE_WORKERS": "2", "TIDEWIRE_REDIS_URL": redis_url}
    async with hub_process(tmp_path / "a", settings) as hub:
        other = await CommandLine(tmp_path / "b", settings).run("serve", "--bind", f"{HOST}:{hub.port}")

    assert (other.status, other.err) == (1, f"Error: {in_use(hub.port)}\n")


async def test_workers_do_not_outlive_their_parent(tmp_path: Path, redis_url: str) -> None:
    async with (
        hub_process(tmp_path, {"TIDEWIRE_WORKERS": "2", "TIDEWIRE_REDIS_URL": redis_url}) as hub,
        Watcher(hub.url, channel="lobby", resume=False) as watcher,
    ):
        await watcher.live()
        hub.send(signal.SIGKILL)

        await watcher.closed(within=10)


def in_use(port: int) -> str:
    return f"Can't listen on {HOST}:{port}: Address already in use. Choose another one with --bind HOST:PORT."


def workers(pid: int) -> list[int]:
    """The processes that this one has started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def listening(port: int) -> int:
    """How many sockets listen on that port (proc_pid_net(5): state 0A)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the kernel sends no notification
            await asyncio.sleep(0.05)


def sockets(pid: int) -> int:
    count = 0
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # Closed meanwhile.
            count += os.readlink(each).startswith("socket:")
    return count


async def test_a_blueprints_own_command_runs(tmp_path: Path) -> None:
    tmp_path.joinpath("shop.py").write_text(
        "import click\n"
        "from quart import Blueprint, current_app\n"
        "from quart.cli import with_appcontext\n"
        "blueprint = Blueprint('shop', __name__, cli_group='shop')\n"
        "@blueprint.cli.command()\n"
        "@click.argument('name')\n"
        "@with_appcontext\n"
        "def greet(name):\n"
        "    click.echo(f'{current_app.name} greets {name}')\n"
    )
    cli = CommandLine(tmp_path, {"TIDEWIRE_BLUEPRINTS": "shop:blueprint"})

    assert await cli.ok("shop", "greet", "ana") == "app greets ana\n"
    assert "\n  shop" in await cli.ok("--help")
