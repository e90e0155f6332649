"""`tidewire member` and `tidewire user password`, on a database without a hub."""

import json
from pathlib import Path

import pytest

from tests.support.command import CommandLine


@pytest.fixture
async def cli(tmp_path: Path) -> CommandLine:
    """The command line on a new database."""
    line = CommandLine(tmp_path, {})
    await line.ok("db", "upgrade")
    return line


async def test_members_are_set_listed_and_removed(cli: CommandLine) -> None:
    await cli.ok("channel", "create", "ci")
    for name in ("ana", "ben"):
        await cli.ok("user", "create", name, "--email", f"{name}@example.org")
    none = await cli.run("member", "list", "ci")
    await cli.ok("member", "set", "ci", "ana", "owner")
    await cli.ok("member", "set", "ci", "ben", "reader")
    listed, as_json = await cli.ok("member", "list", "ci"), json.loads(await cli.ok("member", "list", "ci", "--json"))
    removed = await cli.ok("member", "remove", "ci", "ben")
    refused = [
        await cli.run("member", "remove", "ci", "ben"),
        await cli.run("member", "remove", "ci", "ana"),
        await cli.run("member", "set", "ci", "nobody", "reader"),
        await cli.run("member", "list", "nowhere"),
    ]

    assert (none.out, "ci has no member" in none.err) == ("", True)
    assert [line.split() for line in listed.splitlines()] == [["ana", "owner"], ["ben", "reader"]]
    assert as_json == [{"name": "ana", "role": "owner"}, {"name": "ben", "role": "reader"}]
    assert removed == "ben is no member of ci any more.\n"
    assert [(each.status, each.err.startswith("Error: ")) for each in refused] == [(1, True)] * 4


async def test_a_password_is_set_from_standard_input(cli: CommandLine) -> None:
    await cli.ok("user", "create", "ana", "--email", "ana@example.org")
    changed = await cli.ok("user", "password", "ana", given=b"a quite different phrase\n")
    refused = [
        await cli.run("user", "password", "ana", given=b"short\n"),
        await cli.run("user", "password", "nobody", given=b"a quite different phrase\n"),
        await cli.run("user", "password", "ana"),
    ]

    assert changed == "Changed the password of ana; 0 sessions ended.\n"
    assert [each.status for each in refused] == [1, 1, 2]
    assert "password has 12 to 1000 characters" in refused[0].err
