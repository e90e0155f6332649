"""`tidewire doctor` against real servers, and against none."""

from pathlib import Path

from tests.support.command import CommandLine

SECRET = "kX2-fN8_qTz5RbW0vYpL7mJc4HdGa9Se1UoI"


async def test_a_new_development_setup_passes_and_nothing_is_created(tmp_path: Path) -> None:
    outcome = await CommandLine(tmp_path, {}).run("doctor")

    assert (outcome.status, outcome.err) == (0, "")
    assert "does not exist yet; the next start creates it" in outcome.out
    assert not (tmp_path / "data" / "tidewire.db").exists()


async def test_production_passes_once_its_schema_exists(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    cli = CommandLine(
        tmp_path,
        {
            "TIDEWIRE_ENV": "production",
            "TIDEWIRE_SECRET_KEY": SECRET,
            "TIDEWIRE_DATABASE_URL": postgres_url,
            "TIDEWIRE_REDIS_URL": redis_url,
            "TIDEWIRE_PUBLIC_URL": "https://updates.example.org",
        },
    )
    before = await cli.run("doctor")
    refused = await cli.run("user", "create", "ana", "--email", "ana@example.org")
    upgraded = await cli.ok("db", "upgrade")
    again = await cli.ok("db", "upgrade")
    after = await cli.run("doctor")

    assert (before.status, refused.status) == (1, 1)
    assert "run `tidewire db upgrade`" in before.err
    assert "run `tidewire db upgrade`" in refused.err
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
