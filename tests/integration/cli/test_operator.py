"""The command line against a real hub process on SQLite: what an operator and a script can rely on."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.cli.commands import COMMANDS
from tests.support.command import CommandLine
from tests.support.process import HubProcess, hub_process


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[HubProcess]:
    """A hub in its own directory, its database beside it."""
    async with hub_process(tmp_path, {"TIDEWIRE_POLL_INTERVAL": "0.2"}) as running:
        yield running


@pytest.fixture
def cli(hub: HubProcess, tmp_path: Path) -> CommandLine:
    """The command line on that hub and its database."""
    return CommandLine(tmp_path, {"TIDEWIRE_URL": hub.url})


async def a_token(cli: CommandLine, *scopes: str, user: str = "ana", channel: str = "ci") -> str:
    """A new user's token for the channel."""
    await cli.ok("user", "create", user, "--email", f"{user}@example.org")
    chosen = [word for scope in scopes for word in ("--scope", scope)]
    return (await cli.ok("token", "create", "--user", user, "--channel", channel, *chosen)).strip()


async def test_help_creates_no_files(tmp_path: Path) -> None:
    outcome = await CommandLine(tmp_path, {}).run("--help")

    assert (outcome.status, outcome.err) == (0, "")
    assert [name for name in COMMANDS if f"\n  {name} " not in outcome.out] == []
    assert list(tmp_path.iterdir()) == []


async def test_stdout_holds_a_new_token_alone_and_the_token_publishes(cli: CommandLine) -> None:
    await cli.ok("channel", "create", "ci", "--title", "Builds")
    await cli.ok(
        "user", "create", "ana", "--email", "ana@example.org", "--password-stdin", given=b"correct horse battery\n"
    )
    outcome = await cli.run("token", "create", "--user", "ana", "--channel", "ci", "--name", "backup-bot")

    assert outcome.status == 0
    assert outcome.out.startswith("tw_") and outcome.out.count("\n") == 1
    assert "permits read and publish, in ci" in outcome.err
    token = outcome.out.strip()
    assert await cli.ok("publish", "ci", "hello", TIDEWIRE_TOKEN=token) == "ci #1\n"
    assert await cli.ok("publish", "ci", "again", "--token-stdin", given=token.encode()) == "ci #2\n"


async def test_publish_carries_every_field(cli: CommandLine) -> None:
    out = await cli.ok(
        "publish", "lobby", "**done**", "--title", "Backup", "--level", "success", "--key", "backup",
        "--value", "-42.5", "--unit", "GiB", "--progress", "0.7", "--status", "running", "--tag", "db",
        "--tag", "night", "--link", "https://example.org/x", "--markdown", "--data", "null", "--json",
    )  # fmt: skip
    stored = json.loads(out)

    assert {name: stored.get(name) for name in stored if name not in ("epoch", "id", "at", "author")} == {
        "channel": "lobby",
        "seq": 1,
        "body": "**done**",
        "format": "markdown",
        "title": "Backup",
        "level": "success",
        "key": "backup",
        "value": -42.5,
        "unit": "GiB",
        "progress": 0.7,
        "status": "running",
        "tags": ["db", "night"],
        "link": "https://example.org/x",
        "data": None,
    }


async def test_publish_takes_values_as_a_shell_writes_them(cli: CommandLine) -> None:
    options = ("--level", "WARN", "--progress", "50%", "--value", "1234567890123456789012", "--json")
    stored = json.loads(await cli.ok("publish", "lobby", *options))

    assert (stored["level"], stored["progress"], stored["value"]) == ("warning", 0.5, 1234567890123456789012)


async def test_a_list_of_tokens_is_json_for_a_program(cli: CommandLine) -> None:
    await cli.ok("user", "create", "ana", "--email", "ana@example.org")
    none = json.loads(await cli.ok("token", "list", "--user", "ana", "--json"))
    await cli.ok("token", "create", "--user", "ana", "--name", "old bot", "--scope", "read", "--expires", "30")
    token = (await cli.ok("token", "create", "--user", "ana")).strip()
    await cli.ok("token", "revoke", token[:9])
    listed = json.loads(await cli.ok("token", "list", "--user", "ana", "--json"))

    assert none == []
    assert [(each["name"], each["user"]) for each in listed] == [("ana", "ana"), ("old bot", "ana")]
    assert listed[0]["prefix"] == token[:9]
    assert [each["scopes"] for each in listed] == [["publish", "read"], ["read"]]
    assert [(each["expires_at"] is None, each["revoked_at"] is None) for each in listed] == [
        (True, False),
        (False, True),
    ]
    assert datetime.fromisoformat(listed[1]["expires_at"]) > datetime.now(UTC)
    assert token not in str(listed)


async def test_users_and_channels_are_listed_for_people_and_for_programs(cli: CommandLine) -> None:
    await cli.ok("user", "create", "bob", "--email", "bob@example.org", "--admin")
    await cli.ok("user", "create", "ana", "--email", "ana@example.org")
    await cli.ok("user", "disable", "ana")
    await cli.ok("channel", "create", "ci", "--title", "Builds")
    await cli.ok("publish", "lobby", "hello")
    users, channels = await cli.ok("user", "list"), await cli.ok("channel", "list")
    users_json = json.loads(await cli.ok("user", "list", "--json"))
    channels_json = json.loads(await cli.ok("channel", "list", "--json"))

    assert [line.split() for line in users.splitlines()] == [
        ["ana", "ana@example.org", "disabled"],
        ["bob", "bob@example.org", "admin"],
    ]
    assert [" ".join(line.split()) for line in channels.splitlines()] == [
        "ci private; publishers may publish 0 of 0 updates",
        "lobby public; everyone may publish 1 of 1 updates",
    ]
    assert [(each["name"], each["admin"], each["disabled_at"] is None) for each in users_json] == [
        ("ana", False, False),
        ("bob", True, True),
    ]
    assert [(each["slug"], each["title"], each["last_seq"]) for each in channels_json] == [
        ("ci", "Builds", 0),
        ("lobby", "Lobby", 1),
    ]


async def test_publish_reads_standard_input_up_to_its_bound(cli: CommandLine) -> None:
    long = await cli.run("publish", "lobby", "-", given=b"x" * (32 * 1024 + 1))
    broken = await cli.run("publish", "lobby", "-", given=b"\xff\xfe")
    stored = json.loads(await cli.ok("publish", "lobby", "-", "--json", given="\ufefffirst\nzweite Ähre\n".encode()))

    assert (long.status, long.out, long.err) == (1, "", "Error: Standard input is more than a body's 32 KiB.\n")
    assert (broken.status, broken.out) == (1, "")
    assert (stored["seq"], stored["body"]) == (1, "first\nzweite Ähre")


async def test_the_same_idempotency_key_stores_once(cli: CommandLine) -> None:
    first = await cli.run("publish", "lobby", "hello", "--idempotency-key", "k1")
    again = await cli.run("publish", "lobby", "hello", "--idempotency-key", "k1")
    other = await cli.run("publish", "lobby", "other", "--idempotency-key", "k1")

    assert (first.out, again.out) == ("lobby #1\n", "lobby #1\n")
    assert "nothing is new" in again.err
    assert (other.status, other.out) == (1, "")


async def test_a_refusal_is_one_line_on_stderr(cli: CommandLine) -> None:
    refused = [
        await cli.run("publish", "lobby", "hello", TIDEWIRE_TOKEN="tw_wrong"),
        await cli.run("publish", "nowhere", "hello"),
        await cli.run("publish", "lobby", "--title", "x" * 201),
        await cli.run("watch", "nowhere"),
        await cli.run("watch", "lobby", TIDEWIRE_TOKEN="tw_wrong"),
        await cli.run("user", "create", "no name", "--email", "x@example.org"),
        await cli.run("user", "disable", "absent"),
        await cli.run("channel", "create", "api"),
        await cli.run("channel", "create", "lobby"),
        await cli.run("channel", "create", "ci", "--title", "x" * 201),
        await cli.run("token", "create", "--user", "absent"),
        await cli.run("token", "revoke", "tw_nothing"),
        await cli.run("channel", "empty", "nowhere", "--yes"),
    ]

    assert [(each.status, each.out) for each in refused] == [(1, "")] * len(refused), refused
    assert [each.err for each in refused if not each.err.startswith("Error: ") or each.err.count("\n") != 1] == []
    assert "Error: --title must be text, 1 to 200 characters.\n" in [each.err for each in refused]


async def test_unusable_settings_are_reported_in_one_line_on_stderr(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cli = CommandLine(tmp_path, {})
    refused = [
        await cli.run("user", "disable", "ana", TIDEWIRE_DATA_DIR="file"),
        await cli.run("user", "disable", "ana", TIDEWIRE_DATABASE_URL="postgresql+asyncpg://u:p@h:port/d"),
        await cli.run("user", "disable", "ana", TIDEWIRE_DATABASE_URL="sqlite+aiosqlite:///file/x.db"),
    ]

    assert [(each.status, each.out) for each in refused] == [(1, "")] * len(refused)
    assert [each.err for each in refused if not each.err.startswith("Error: ") or each.err.count("\n") != 1] == []


async def test_a_wrong_usage_exits_2_on_stderr(cli: CommandLine) -> None:
    wrong = [
        await cli.run("publsh", "lobby"),
        await cli.run("publish"),
        await cli.run("publish", "lobby", "x", "--level", "loud"),
        await cli.run("publish", "lobby", "--value", "NaN"),
        await cli.run("publish", "lobby", "--data", "{"),
        await cli.run("publish", "lobby", "x", "--url", "ftp://127.0.0.1"),
        await cli.run("watch", "lobby", "--after", "1", "--last", "2"),
    ]

    assert [(each.status, each.out) for each in wrong] == [(2, "")] * len(wrong), wrong
    assert [each for each in wrong if not each.err] == []


async def test_an_outsider_can_not_watch_a_private_channel(cli: CommandLine) -> None:
    await cli.ok("channel", "create", "ci")
    await cli.ok("channel", "create", "other")
    token = await a_token(cli, "read", channel="other")

    outside = await cli.run("watch", "ci", TIDEWIRE_TOKEN=token)
    reading = await cli.run("publish", "other", "hello", TIDEWIRE_TOKEN=token)

    assert (outside.status, outside.out) == (1, "")
    assert "no channel 'ci'" in outside.err
    assert (reading.status, reading.out) == (1, "")
    assert "publish" in reading.err


async def test_a_revoked_token_ends_the_watch(cli: CommandLine) -> None:
    await cli.ok("channel", "create", "ci")
    token = await a_token(cli)
    async with cli.running("watch", "ci", "--after", "0", "--json", TIDEWIRE_TOKEN=token) as watch:
        await cli.ok("publish", "ci", "hello", TIDEWIRE_TOKEN=token)
        assert (await watch.json_lines(1))[0]["author"] == "ana"
        listed = await cli.ok("token", "list", "--user", "ana")
        await cli.ok("token", "revoke", token[:9])

        assert await watch.ended() == 1
        assert "revoked" in (await watch.rest())[1]
    assert listed.startswith(token[:9]) and token not in listed
    assert "revoked" in await cli.ok("token", "list", "--user", "ana")


async def test_a_disabled_users_token_is_valid_again_once_the_user_is_enabled(cli: CommandLine) -> None:
    await cli.ok("channel", "create", "ci")
    token = await a_token(cli)
    await cli.ok("user", "disable", "ana")
    refused = await cli.run("publish", "ci", "hello", TIDEWIRE_TOKEN=token)
    await cli.ok("user", "enable", "ana")

    assert (refused.status, refused.out) == (1, "")
    assert await cli.ok("publish", "ci", "hello", TIDEWIRE_TOKEN=token) == "ci #1\n"


async def test_emptying_asks_first_and_resets_the_watchers(cli: CommandLine) -> None:
    await cli.ok("publish", "lobby", "old")
    kept = await cli.run("channel", "empty", "lobby", given=b"n\n")
    async with cli.running("watch", "lobby", "--after", "0") as watch:
        assert "#1" in await watch.line()
        await cli.ok("channel", "empty", "lobby", given=b"y\n")
        assert "reset" in await watch.line()
        await cli.ok("publish", "lobby", "new")

        assert "#1" in await watch.line()
    assert (kept.status, kept.out) == (1, "")


async def test_a_restored_database_gets_new_epochs(cli: CommandLine) -> None:
    before = json.loads(await cli.ok("publish", "lobby", "one", "--json"))
    output = await cli.ok("db", "restored")
    after = json.loads(await cli.ok("publish", "lobby", "two", "--json"))

    assert output == "1 log has a new epoch.\n"
    assert (after["seq"], after["epoch"] != before["epoch"]) == (2, True)
