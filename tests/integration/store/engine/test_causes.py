"""The cause of an outage, from what real databases answer."""

import errno
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url, text

from app.actions.setup import check_schema, prepare_development
from app.config import ConfigError, Settings
from app.errors import Unavailable
from app.store.engine.causes import cause_of
from app.store.engine.database import Database
from tests.support.postgres import GivenPostgres


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An SQLite database with one table."""
    path = tmp_path / "x.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    return path


@pytest.mark.parametrize(
    ("uri", "statements", "word"),
    [
        ("file:{file}", ["PRAGMA max_page_count = 3", "INSERT INTO t VALUES (zeroblob(100000))"], "full"),
        ("file:{file}?mode=ro", ["INSERT INTO t VALUES (1)"], "read_only"),
        ("file:{file}", ["SELECT * FROM updates"], "schema"),
        ("file:{file}/below", ["SELECT 1"], "cant_open"),
        ("file:{text}", ["SELECT * FROM t"], "no_database"),
    ],
)
def test_what_sqlite_answers(uri: str, statements: list[str], word: str, file: Path) -> None:
    plain = file.with_name("text")
    plain.write_text("no database, and longer than the header of one\n" * 10)

    def run() -> None:
        with closing(sqlite3.connect(uri.format(file=file, text=plain), uri=True)) as connection:
            for statement in statements:
                connection.execute(statement)

    with pytest.raises(sqlite3.Error) as caught:
        run()
    assert cause_of(caught.value).word == word
    assert cause_of(caught.value).detail == str(caught.value)


def test_a_locked_file_is_busy(file: Path) -> None:
    holder, other = sqlite3.connect(file), sqlite3.connect(file, timeout=0)
    holder.execute("BEGIN IMMEDIATE")

    with pytest.raises(sqlite3.OperationalError) as caught:
        other.execute("BEGIN IMMEDIATE")
    holder.close()
    other.close()
    assert cause_of(caught.value).word == "busy"


@pytest.mark.parametrize(
    ("wrong", "word", "detail"),
    [
        ({"database": "tidewire_nowhere"}, "unknown_database", "does not exist"),
        ({"username": "nobody", "password": "hunter2"}, "login", 'role "nobody" does not exist'),
        ({"port": 1}, "refused", "Connect call failed"),
        ({"host": "no.such.invalid"}, "unknown_host", "not known"),
        ({"query": {"sslmode": "require"}}, "tls", "SSL"),
        ({"host": "", "query": {"host": "/nowhere"}}, "refused", "No such file"),
    ],
)
async def test_what_postgresql_answers_to_a_connection(
    wrong: dict[str, Any], word: str, detail: str, settings_postgres: Settings
) -> None:
    url = make_url(settings_postgres.database_url).set(**wrong).render_as_string(hide_password=False)
    db = Database(Settings(database_url=url))
    with pytest.raises(Unavailable) as caught:
        await db.check_write()
    await db.close()

    cause = caught.value.cause
    assert cause is not None
    assert (cause.word, detail in cause.detail) == (word, True), cause
    assert "hunter2" not in str(caught.value)
    assert "`tidewire doctor`" in str(caught.value)
    assert cause.detail not in caught.value.message + cause.public


async def test_a_write_that_changes_nothing_finds_a_database_that_takes_none(settings: Settings) -> None:
    db = Database(settings)
    with pytest.raises(Unavailable) as caught:
        await db.check_write()
    await prepare_development(db)
    await db.check_write()
    await db.close()

    assert caught.value.cause is not None and caught.value.cause.word == "schema"


async def test_what_is_refused_as_read_only_is_named(settings_postgres: Settings) -> None:
    db = Database(settings_postgres)
    await prepare_development(db)
    async with db.transaction() as tx:
        name = (await tx.execute(text("SELECT current_database()"))).scalar_one()
        await tx.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    await db.close()
    with pytest.raises(Unavailable) as caught:
        await db.check_write()
    await db.close()

    assert caught.value.cause is not None and caught.value.cause.word == "read_only"


async def test_a_database_of_another_encoding_is_refused(settings_postgres: Settings, postgres: GivenPostgres) -> None:
    plain = postgres.url().replace("+asyncpg", "")
    connection = await asyncpg.connect(plain)
    await connection.execute(
        "CREATE DATABASE tidewire_latin1 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    )
    db = Database(Settings(database_url=postgres.url("tidewire_latin1")))
    try:
        with pytest.raises(ConfigError, match=r"keeps text in LATIN1, .* ENCODING 'UTF8'"):
            await prepare_development(db)
    finally:
        await db.close()
        await connection.execute("DROP DATABASE tidewire_latin1 WITH (FORCE)")
        await connection.close()


async def test_a_schema_of_a_newer_revision_is_refused(settings: Settings) -> None:
    db = Database(settings)
    await prepare_development(db)
    async with db.transaction() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for refuse in (check_schema, prepare_development):
        with pytest.raises(ConfigError, match=r"revision 9999, which this Tidewire does not know: .*newer"):
            await refuse(db)
    await db.close()


@pytest.mark.parametrize(
    ("number", "word"),
    [(errno.ENOSPC, "full"), (errno.EROFS, "read_only"), (errno.EMFILE, "files"), (errno.EHOSTUNREACH, "network")],
)
def test_what_the_system_answers(number: int, word: str) -> None:
    assert cause_of(OSError(number, "x")).word == word
