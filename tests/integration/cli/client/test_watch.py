"""`tidewire watch` through whatever happens to the hub: every update once, in order, or a clear end."""

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
    """The command line on that hub."""
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
        said = await watch.error_line()
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
    assert "trying again" in said
    assert (status, out) == (130, "")
    assert "connected again" in err and "Traceback" not in err


async def test_a_dead_link_is_noticed_and_left(hub: HubProcess, cli: CommandLine) -> None:
    async with Proxy(hub.port) as proxy, Publisher(hub.url, channel="lobby") as publisher:
        url = f"http://127.0.0.1:{proxy.port}"
        async with cli.running("watch", "lobby", "--after", "0", "--json", "--url", url) as watch:
            await publisher.publish()
            seen = await watch.json_lines(1)
            proxy.swallow()
            await publisher.publish_many(3)
            said = await watch.error_line(within=40)
            await proxy.cut()
            await proxy.pass_on()
            seen += await watch.json_lines(3, within=30)

    assert [update["seq"] for update in seen] == [1, 2, 3, 4]
    assert "trying again" in said


async def test_a_watch_waits_for_a_hub_that_is_not_there_yet(tmp_path: Path) -> None:
    port = free_port()
    cli = CommandLine(tmp_path, {"TIDEWIRE_URL": f"http://127.0.0.1:{port}"})
    async with cli.running("watch", "lobby", "--last", "5", "--json") as watch:
        said = await watch.error_line()
        async with (
            hub_process(tmp_path / "hub", {}, port=port) as hub,
            Publisher(hub.url, channel="lobby") as publisher,
        ):
            await watch.error_line()
            await publisher.publish()

            assert [update["seq"] for update in await watch.json_lines(1)] == [1]
    assert "connection refused" in said


async def test_a_watch_for_people_shows_what_stands_in_the_update(cli: CommandLine) -> None:
    await cli.ok("publish", "lobby", "\x1b[2Jboo", "--title", "Backup", "--progress", "0.5", "--level", "warning")
    async with cli.running("watch", "lobby", "--last", "1") as watch:
        head, body = await watch.line(), await watch.line()

    assert "#1 ! warning  Backup ██████████░░░░░░░░░░ 50%" in head
    assert body == "    \ufffd[2Jboo"


async def test_a_reader_that_has_enough_ends_the_watch_quietly(cli: CommandLine) -> None:
    await cli.ok("publish", "lobby", "one")
    async with cli.running("watch", "lobby", "--after", "0") as watch:
        await watch.line()
        watch.hang_up()
        await cli.ok("publish", "lobby", "two")

        assert await watch.ended() == 0
        assert (await watch.rest())[1] == ""


async def test_publish_waits_for_a_hub_that_restarts_and_gives_up_in_time(hub: HubProcess, cli: CommandLine) -> None:
    await hub.kill()
    late = asyncio.create_task(cli.run("publish", "lobby", "hello", "--retry", "25"))
    never = await cli.run("publish", "lobby", "hello", "--retry", "0.2")
    await hub.start()

    assert (await late).out == "lobby #1\n"
    assert (never.status, never.out) == (1, "")
    assert "can't be reached: Connection refused" in never.err
