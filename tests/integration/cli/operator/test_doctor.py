"""`tidewire doctor` against real servers, and against none."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from tests.support.command import CommandLine

SECRET = "kX2-fN8_qTz5RbW0vYpL7mJc4HdGa9Se1UoI"


async def test_a_new_development_setup_passes_and_nothing_is_created(tmp_path: Path) -> None:
    outcome = await CommandLine(tmp_path, {}).run("doctor")

    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.count("does not exist yet; the next start creates it") == 2
    assert list(tmp_path.iterdir()) == []


async def test_production_passes_once_its_schema_exists(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    cli = CommandLine(
        tmp_path,
        {
            "TIDEWIRE_ENV": "production",
            "TIDEWIRE_SECRET_KEY": SECRET,
            "TIDEWIRE_DATABASE_URL": postgres_url,
            "TIDEWIRE_REDIS_URL": redis_url,
        },
    )
    before = await cli.run("doctor")
    refused = await cli.run("user", "create", "ana", "--email", "ana@example.org")
    upgraded = await cli.ok("db", "upgrade")
    again = await cli.ok("db", "upgrade")
    after = await cli.run("doctor")

    assert (before.status, refused.status) == (1, 1)
    assert "run `tidewire db upgrade`" in before.err
    assert "has no schema" in refused.err and "run `tidewire db upgrade`" in refused.err
    assert upgraded.startswith("Upgraded the schema from nothing to revision")
    assert again.endswith("already.\n")
    assert (after.status, after.err) == (0, "")
    assert "Redis: reached" in after.out
    assert SECRET not in after.out


async def test_unreachable_servers_are_reported_and_no_password_is_shown(tmp_path: Path) -> None:
    outcome = await CommandLine(
        tmp_path,
        {
            "TIDEWIRE_DATABASE_URL": "postgresql+asyncpg://u:hunter2@127.0.0.1:1/d",
            "TIDEWIRE_REDIS_URL": "redis://:hunter2@127.0.0.1:1/0",
            "TIDEWIRE_RATE_LIMITS": "off",
        },
    ).run("doctor")

    assert outcome.status == 1
    assert "database: can't be reached" in outcome.err
    assert "Redis: can't be reached" in outcome.err
    assert "rate limits: off" in outcome.out
    assert "hunter2" not in outcome.out + outcome.err


async def test_settings_that_can_not_run_are_reported(tmp_path: Path) -> None:
    outcome = await CommandLine(tmp_path, {"TIDEWIRE_ENV": "production"}).run("doctor")

    assert outcome.status == 1
    assert outcome.err.startswith("wrong  settings: TIDEWIRE_SECRET_KEY")


async def test_a_data_directory_that_can_not_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = await CommandLine(tmp_path, {"TIDEWIRE_DATA_DIR": "file", "TIDEWIRE_SECRET_KEY": SECRET}).run("doctor")

    assert outcome.status == 1
    assert "data directory: file can't be written" in outcome.err


async def test_json_has_all_that_is_printed(tmp_path: Path) -> None:
    well = await CommandLine(tmp_path, {}).run("doctor", "--json")
    wrong = await CommandLine(tmp_path, {"TIDEWIRE_ENV": "production"}).run("doctor", "--json")
    found = json.loads(well.out)

    assert (well.status, well.err, well.out.count("\n")) == (0, "", 1)
    assert (found["ok"], found["settings"]["TIDEWIRE_ENV"]) == (True, "development")
    assert {"state": "ok", "subject": "Redis", "sentence": "not configured: one worker, on one machine."} in found[
        "findings"
    ]
    assert (wrong.status, json.loads(wrong.out)["findings"][0]["state"]) == (1, "wrong")


async def test_a_database_that_takes_no_write_is_wrong(tmp_path: Path, postgres_url: str) -> None:
    cli = CommandLine(tmp_path, {"TIDEWIRE_DATABASE_URL": postgres_url})
    await cli.ok("db", "upgrade")
    name = postgres_url.rpartition("/")[2]
    connection = await asyncpg.connect(postgres_url.replace("+asyncpg", ""))
    await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await connection.close()
    outcome = await cli.run("doctor")
    tmp_path.joinpath("x.db").write_text("no database")
    foreign = await cli.run("doctor", TIDEWIRE_DATABASE_URL="sqlite:///x.db")

    assert (outcome.status, outcome.err.count("\n")) == (1, 1)
    assert outcome.err.startswith(
        "wrong  database: can only be read (cannot execute UPDATE in a read-only transaction):"
    )
    assert "The file is no SQLite database (file is not a database)" in foreign.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BLUEPRINTS", "nope"),
        ("BLUEPRINTS", "nothing.here:blueprint"),
        ("MOUNT", "x"),
        ("MIGRATIONS", "nope"),
        ("DATABASE_URL", "sqlite:///a.db?mode=ro"),
        ("DATABASE_URL", "sqlite:///file/x.db"),
    ],
)
async def test_what_a_start_would_refuse_is_wrong_and_nothing_is_created(tmp_path: Path, name: str, value: str) -> None:
    (tmp_path / "file").write_text("")
    cli = CommandLine(tmp_path, {f"TIDEWIRE_{name}": value})
    found, upgraded = await cli.run("doctor"), await cli.run("db", "upgrade")

    assert (found.status, found.err.count("\n")) == (1, 1), found
    assert found.err.startswith("wrong  ") and "Traceback" not in found.err
    assert upgraded.status == (0 if name in ("BLUEPRINTS", "MOUNT") else 1)
    assert name != "DATABASE_URL" or [path.name for path in tmp_path.iterdir() if path.suffix == ".db"] == []


async def test_a_locked_database_is_named(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path, {"TIDEWIRE_QUERY_TIMEOUT": "1"})
    await cli.ok("db", "upgrade")
    with closing(sqlite3.connect(tmp_path / "data" / "tidewire.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        found = await cli.run("doctor")
        refused = await cli.run("user", "create", "ana", "--email", "ana@example.org")

    assert (found.status, refused.status) == (1, 1)
    assert "database: is locked or busy" in found.err
    assert "The database is locked or busy" in refused.err


async def test_a_database_of_a_newer_tidewire_is_wrong(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path, {})
    await cli.ok("db", "upgrade")
    with closing(sqlite3.connect(tmp_path / "data" / "tidewire.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    refused = [
        await cli.run(*command) for command in (["doctor"], ["serve"], ["db", "upgrade"], ["user", "disable", "ana"])
    ]

    assert [each.status for each in refused] == [1] * 4
    assert all("made by a newer Tidewire" in each.err and each.err.count("\n") == 1 for each in refused), refused
    assert refused[0].err.startswith("wrong  database: The database's schema is at revision 9999")


async def test_a_command_in_another_folder_creates_no_second_database(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path, {})
    refused = [
        await cli.run(*command.split())
        for command in (
            "channel create ci",
            "user create ana --email a@example.org",
            "token list --user ana",
            "channel empty lobby --yes",
        )
    ]

    assert [each.status for each in refused] == [1] * 4
    assert all(f"There is no database {tmp_path}/data/tidewire.db" in each.err for each in refused), refused
    assert list(tmp_path.iterdir()) == []


async def test_variables_files_and_bounds_that_are_unsafe_are_named(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path, {"TIDEWIRE_NOPE": "1", "TIDEWIRE_MAX_CONNECTIONS": str(2**40)})
    await cli.ok("db", "upgrade")
    (tmp_path / "data" / "tidewire.db").chmod(0o644)
    outcome = await cli.run("doctor")

    assert outcome.status == 0
    assert "unsafe settings: TIDEWIRE_NOPE is no setting, and is ignored." in outcome.out
    assert "unsafe database: data/tidewire.db can be read by others: chmod 600 data/tidewire.db." in outcome.out
    assert "unsafe open files: `ulimit -Hn` is" in outcome.out
