"""The database's URL: what libpq takes and asyncpg can do, and one file for one path."""

from pathlib import Path
from typing import Any

import pytest

from app.config import ConfigError, Settings
from app.store.engine.database import Database
from app.store.engine.url import lock_path, postgresql_url, shown, sqlite_url

POSTGRESQL = "postgresql+asyncpg://u:hunter2@h:5433/d"


def settings(url: str) -> Settings:
    return Settings(database_url=url)


@pytest.mark.parametrize(
    ("query", "arguments"),
    [
        ("", {}),
        ("sslmode=require", {"dsn": "postgresql://?sslmode=require"}),
        ("ssl=verify-full", {"dsn": "postgresql://?sslmode=verify-full"}),
        ("sslmode=verify-ca&sslrootcert=/dev/../etc/passwd", {"dsn": "postgresql://?sslmode=verify-ca&sslrootcert=%2Fdev%2F..%2Fetc%2Fpasswd"}),
        ("application_name=hub", {"dsn": "postgresql://?application_name=hub"}),
        ("connect_timeout=3", {"timeout": 3.0}),
        ("prepared_statement_cache_size=0", {"prepared_statement_cache_size": 0}),
        ("channel_binding=prefer&gssencmode=disable", {}),
    ],
)  # fmt: skip
def test_parameters_become_asyncpgs_arguments(query: str, arguments: dict[str, Any]) -> None:
    url, found = postgresql_url(settings(f"{POSTGRESQL}?{query}"))

    assert found == arguments
    assert url.render_as_string(hide_password=False) == POSTGRESQL


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("sslmode=on", "sslmode must be one of disable, allow"),
        ("channel_binding=require", "asyncpg has no channel_binding"),
        ("nope=1", "the parameter 'nope' can't be used"),
        ("connect_timeout=soon", "connect_timeout must be a whole number from 0"),
        ("connect_timeout=-1", "connect_timeout must be a whole number from 0"),
        ("sslmode=verify-full&sslrootcert=/nope.pem", "sslrootcert names the file /nope.pem, which is not there"),
        ("sslcert=/", "sslcert names the file /, which is not there"),
        ("target_session_attrs=nope", "target_session_attrs must be one of any, primary"),
    ],
)
def test_a_parameter_that_asyncpg_can_not_do_is_refused_by_name(query: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        Database(settings(f"{POSTGRESQL}?{query}"))


@pytest.mark.parametrize(
    "rest", ["h:port/d", "h:99999/d", "h:0/d", "u:hunter2/x@h:y/d", "u:hunter2@w@h/d", "h1,h2/d", "a..b/d"]
)
def test_what_is_no_url_is_refused_without_its_password(rest: str) -> None:
    with pytest.raises(ConfigError, match="is no database's URL") as caught:
        Database(settings(f"postgres://{rest}"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a%20b/50%25/x.db", "a b/50%/x.db"),
        ("a b/50%/x.db", "a b/50%/x.db"),
        ("%3Fq%23.db?timeout=3", "?q#.db"),
        ("gr%C3%BCn.db", "grün.db"),
    ],
)
async def test_the_file_that_is_made_is_the_file_that_is_opened(
    text: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = settings(f"sqlite:///{text}")
    db = Database(given)
    async with db.transaction():
        pass
    await db.close()
    files = {str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file()}

    assert {each.removesuffix("-wal").removesuffix("-shm") for each in files} == {path}
    assert (Path(path).stat().st_mode & 0o777, given.sqlite_path) == (0o600, Path(path))
    assert sqlite_url(given, "sqlite+aiosqlite").database == path


def test_sqlite_takes_no_unknown_parameter() -> None:
    with pytest.raises(ConfigError, match="the parameter 'mode' can't be used"):
        sqlite_url(settings("sqlite:///x.db?mode=ro"), "sqlite+aiosqlite")


def test_one_database_has_one_lock_however_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    spellings = ("x.db", "./x.db", "link/x.db", "%78.db", "x.db?timeout=3")
    postgresql = ("postgres://u:p@h/d", "postgresql+asyncpg://v@h:5432/d?sslmode=require")

    assert {lock_path(settings(f"sqlite:///{tmp_path}/{each}")) for each in spellings} == {tmp_path / "x.db.lock"}
    assert len({lock_path(settings(each)) for each in postgresql}) == 1
    assert shown(settings(POSTGRESQL)) == "postgresql://h:5433/d"
