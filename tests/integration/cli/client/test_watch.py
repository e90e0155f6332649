"""`tidewire watch` across kills, restarts and lost links: every update once, in order, or a clear end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.command import CommandLine
from tests.support.ports import free_port
from tests.support.process import HubProcess, hub_process
from tests.support.proxy import Proxy
from tests.support.publisher import Publisher


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[HubProcess]:
    """A hub in its own directory."""
    async with hub_process(tmp_path, {"TIDEWIRE_SHUTDOWN_TIMEOUT": "2"}) as running:
        yield running


@pytest.fixture
def cli(hub: HubProcess, tmp_path: Path) -> CommandLine:
    """The command line, pointed at that hub."""
    return CommandLine(tmp_path, {"TIDEWIRE_URL": hub.url})


async def test_a_watch_sees_every_update_once_across_kill_and_restart(hub: HubProcess, cli: CommandLine) -> None:
    async with (
        Publisher(hub.url, channel="lobby") as publisher,
        cli.running("watch", "lobby", "--after", "0", "--json") as watch,
    ):
        await publisher.publish_many(20)
        seen = await watch.json_lines(20)
        publishing = asyncio.create_task(publisher.publish_many(40))
        seen += await watch.json_lines(5)
        await hub.kill()
        error = await watch.error_line()
        await hub.start()
        await publishing
        seen += await watch.json_lines(35)
        await hub.restart()
        await publisher.publish_many(10)
        seen += await watch.json_lines(10)
        status = await watch.interrupt()
        out, err = await watch.rest()

    assert [update["seq"] for update in seen] == list(range(1, 71))
    assert {update["seq"]: update["body"] for update in seen} == {a.seq: a.body for a in publisher.answered}
    assert "reconnecting" in error
    assert (status, out) == (130, "")
    assert "reconnected" in err and "Traceback" not in err


async def test_a_silent_link_is_detected_and_closed(hub: HubProcess, cli: CommandLine) -> None:
    async with Proxy(hub.port) as proxy, Publisher(hub.url, channel="lobby") as publisher:
        url = f"http://127.0.0.1:{proxy.port}"
        async with cli.running("watch", "lobby", "--after", "0", "--json", "--url", url) as watch:
            await publisher.publish()
            seen = await watch.json_lines(1)
            proxy.swallow()
            await publisher.publish_many(3)
            error = await watch.error_line(within=40)
            await proxy.cut()
            await proxy.pass_on()
            seen += await watch.json_lines(3, within=30)

    assert [update["seq"] for update in seen] == [1, 2, 3, 4]
    assert "reconnecting" in error


async def test_a_watch_waits_for_a_hub_that_is_not_running_yet(tmp_path: Path) -> None:
    port = free_port()
    cli = CommandLine(tmp_path, {"TIDEWIRE_URL": f"http://127.0.0.1:{port}"})
    async with cli.running("watch", "lobby", "--last", "5", "--json") as watch:
        error = await watch.error_line()
        async with (
            hub_process(tmp_path / "hub", {}, port=port) as hub,
            Publisher(hub.url, channel="lobby") as publisher,
        ):
            await watch.error_line()
            await publisher.publish()

            assert [update["seq"] for update in await watch.json_lines(1)] == [1]
    assert "connection refused" in error


async def test_a_watch_on_a_terminal_shows_the_updates_fields(cli: CommandLine) -> None:
    await cli.ok("publish", "lobby", "\x1b[2Jboo", "--title", "Backup", "--progress", "0.5", "--level", "warning")
    async with cli.running("watch", "lobby", "--last", "1") as watch:
        head, body = await watch.line(), await watch.line()

    assert "#1 ! warning  Backup ██████████░░░░░░░░░░ 50%" in head
    assert body == "    \ufffd[2Jboo"


async def test_a_closed_pipe_ends_the_watch_without_an_error(cli: CommandLine) -> None:
    await cli.ok("publish", "lobby", "one")
    async with cli.running("watch", "lobby", "--after", "0") as watch:
        await watch.line()
        watch.hang_up()
        await cli.ok("publish", "lobby", "two")

        assert await watch.ended() == 0
        assert (await watch.rest())[1] == ""


async def test_publish_retries_while_the_hub_restarts_and_gives_up_in_time(hub: HubProcess, cli: CommandLine) -> None:
    await hub.kill()
    late = asyncio.create_task(cli.run("publish", "lobby", "hello", "--retry", "25"))
    never = await cli.run("publish", "lobby", "hello", "--retry", "0.2")
    await hub.start()

    assert (await late).out == "lobby #1\n"
    assert (never.status, never.out) == (1, "")
    assert "can't be reached: Connection refused" in never.err
