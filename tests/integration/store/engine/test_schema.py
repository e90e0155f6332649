"""The schema: migrations build exactly the tables that the code defines, also when two processes migrate at once."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, ForeignKeyConstraint, inspect, text

from app.actions.setup import check_schema, prepare_development, upgrade_schema
from app.config import ConfigError, Settings
from app.model.filter import Filter
from app.runtime.indexer import WordIndex
from app.services import open_services
from app.store import channels
from app.store.engine import schema
from app.store.engine.database import Database
from app.store.engine.migrations import Migrations
from app.store.log import read as history
from app.store.tables import Base
from app.tasks import TaskScope
from tests.support import ROOT
from tests.support.hub import serving
from tests.support.older_schema import downgrade, migrate

# SQLite's full-text index, with the tables that FTS5 keeps for it: SQLAlchemy can't describe a virtual table.
SEARCH = "word_runs_search"
# The index of that name is PostgreSQL's alone, which Alembic can't compare by its name on SQLite.
pytestmark = pytest.mark.filterwarnings("ignore:autogenerate skipping .* index 'word_runs_words':UserWarning")


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    """A database without a schema, on each of the two."""
    database = Database(settings)
    yield database
    await database.close()


def differences(connection: Connection) -> list[object]:
    """What Alembic would change to get from the database to the code's tables."""
    own = connection.dialect.name == "sqlite"
    context = MigrationContext.configure(
        connection,
        opts={
            "compare_type": True,
            "compare_server_default": True,
            "include_name": lambda name, kind, _: not (own and kind == "table" and str(name).startswith(SEARCH)),
            # Alembic does not check for which database a foreign key is meant.
            "include_object": lambda found, *_: not isinstance(found, ForeignKeyConstraint) or is_meant(found, own),
        },
    )
    return list(compare_metadata(context, Base.metadata))


def is_meant(key: ForeignKeyConstraint, on_sqlite: bool) -> bool:
    """True if the key belongs on that database: the rows of a log are checked on SQLite alone."""
    return on_sqlite or key.table.name not in ("updates", "update_tags", "word_runs")


def newest() -> str:
    return Migrations(()).newest


async def revision(db: Database) -> str | None:
    return ", ".join(await schema.heads(db)) or None


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def test_migrations_build_the_tables_of_the_code_from_nothing(db: Database) -> None:
    before = await revision(db)
    await schema.upgrade(db)
    async with db.reading() as tx:
        different, found = await tx.run_sync(differences), await tx.run_sync(tables)

    assert (before, await revision(db), different) == (None, newest(), [])
    assert {name for name in found if not name.startswith(SEARCH)} == {*Base.metadata.tables, "alembic_version"}


async def test_the_comparison_finds_what_differs(db: Database) -> None:
    await schema.upgrade(db)
    async with db.transaction() as tx:
        await tx.execute(text("ALTER TABLE users ADD COLUMN colour TEXT"))
        await tx.execute(text("DROP INDEX updates_key"))
    async with db.reading() as tx:
        different = str(await tx.run_sync(differences))

    assert "colour" in different and "updates_key" in different


async def test_keys_are_alike_in_the_code_and_in_the_database(db: Database) -> None:
    """Alembic ignores nullability of keys, and foreign keys' actions on SQLite: this test compares them."""
    await schema.upgrade(db)

    def keys(connection: Connection) -> dict[str, tuple[list[str], set[tuple[str, str]]]]:
        inspector = inspect(connection)
        return {
            table: (
                inspector.get_pk_constraint(table)["constrained_columns"],
                {
                    (key["constrained_columns"][0], str(key["options"].get("ondelete")))
                    for key in inspector.get_foreign_keys(table)
                },
            )
            for table in Base.metadata.tables
        }

    async with db.reading() as tx:
        found = await tx.run_sync(keys)

    assert found == {
        name: (
            [column.name for column in table.primary_key],
            {
                (key.column_keys[0], str(key.ondelete))
                for key in table.foreign_key_constraints
                if is_meant(key, db.dialect == "sqlite")
            },
        )
        for name, table in Base.metadata.tables.items()
    }


async def test_an_upgrade_of_the_newest_changes_nothing(db: Database) -> None:
    first = await upgrade_schema(db)
    again = await upgrade_schema(db)

    assert (first, again) == ((None, newest()), (newest(), newest()))


async def test_an_upgrade_that_fails_leaves_nothing_behind(db: Database) -> None:
    """A table of the same name exists already, so it fails half-way."""
    async with db.transaction() as tx:
        await tx.execute(text("CREATE TABLE tokens (id INTEGER)"))
    with pytest.raises(Exception, match=r"can't be reached|tokens"):
        await schema.upgrade(db)
    async with db.reading() as tx:
        found = await tx.run_sync(tables)

    assert (found, await revision(db)) == ({"tokens"}, None)


async def test_several_starts_at_once_upgrade_once_and_create_one_lobby(settings: Settings) -> None:
    databases = [Database(settings) for _ in range(4)]
    async with asyncio.timeout(60):
        await asyncio.gather(*[prepare_development(db) for db in databases])
    async with databases[0].reading() as tx:
        slugs = (await tx.execute(text("SELECT slug FROM channels"))).scalars().all()
    for db in databases:
        await db.close()

    assert slugs == ["lobby"]


async def test_two_processes_upgrade_at_once(settings: Settings, tmp_path: Path, db: Database) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIDEWIRE_")}
    own = {"PYTHONPATH": str(ROOT), "TIDEWIRE_DATABASE_URL": settings.database_url}
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app", "db", "upgrade", cwd=tmp_path, env=inherited | own,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )
        for _ in range(2)
    ]  # fmt: skip
    async with asyncio.timeout(50):
        outputs = [(await process.communicate())[0].decode() for process in processes]
    async with db.reading() as tx:
        different = await tx.run_sync(differences)

    assert [process.returncode for process in processes] == [0, 0], outputs
    assert (await revision(db), different) == (newest(), [])


async def test_production_refuses_a_database_without_this_schema_and_names_the_command(settings: Settings) -> None:
    production = replace(settings, env="production")
    db = Database(production)
    with pytest.raises(ConfigError, match=r"revision none .* needs .*tidewire db upgrade"):
        async with open_services(production):
            pass
    async with db.reading() as tx:
        untouched = await tx.run_sync(tables)
    await schema.upgrade(db)
    await check_schema(db)
    async with serving(production) as hub:
        ready = await hub.call("GET", "/readyz")
        channels = await hub.call("GET", "/api/v1/channels")
    async with db.transaction() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(ConfigError, match="at revision 0000"):
        async with open_services(production):
            pass
    await db.close()

    assert (untouched, ready.status, channels.json["channels"]) == (set(), 200, [])


async def test_two_hubs_on_one_sqlite_without_redis_are_refused(settings_sqlite: Settings) -> None:
    async with serving(settings_sqlite):
        with pytest.raises(ConfigError, match="Another worker already runs"):
            async with open_services(settings_sqlite):
                pass


async def test_a_log_with_words_longer_than_the_index_takes_is_upgraded_and_downgraded(db: Database) -> None:
    """What 0001 stored: a dump of one word, and rows whose channel another hub removed after the upgrade."""
    await schema.upgrade(db)
    dump = secrets.token_hex(4000)
    rows = "INSERT INTO updates (channel_id, seq, update_id, at, level, gone, fields, words) VALUES"
    async with db.transaction() as tx:
        await downgrade(tx, "0001", first=1, last=2)
        values = "(7, 1, 'a', 0, 'info', false, '{}', :dump), (7, 2, 'b', 0, 'info', false, '{}', 'short words')"
        await tx.execute(text(f"{rows} {values}"), {"dump": f"a {dump} b {dump}"})
    await schema.upgrade(db)
    async with db.transaction() as tx:
        words = (await tx.execute(text("SELECT words FROM updates ORDER BY seq"))).scalars().all()
        if db.dialect == "postgresql":
            await tx.execute(text(f"{rows} (8, 1, 'c', 0, 'info', false, '{{}}', NULL)"))
        await tx.run_sync(lambda connection: migrate(connection, command.downgrade, "0001"))
        left = (await tx.execute(text("SELECT count(*) FROM updates"))).scalar_one()

    assert words[1] == "short words"
    assert db.dialect == "sqlite" or words[0] == f"a {dump[:200]} b {dump[:200]}"
    assert left == 2


async def test_an_upgraded_log_is_searched_and_indexed_and_again_after_a_downgrade(settings: Settings) -> None:
    db = Database(settings)
    await schema.upgrade(db)
    async with db.transaction() as tx:
        await downgrade(tx, "0002", first=2000, last=4100)
        await tx.execute(
            text(
                "INSERT INTO updates (channel_id, seq, update_id, at, level, gone, fields, words)"
                " VALUES (7, :seq, 'a', 0, 'info', false, '{}', :words)"
            ),
            [{"seq": seq, "words": f"some number{seq}" if seq % 2 else None} for seq in range(2000, 4101)],
        )
    await schema.upgrade(db)
    queries = ("number2001", "number2049", "number4095", "some", "none")

    async def search() -> list[list[int]]:
        async with db.reading() as tx:
            channel = await channels.find(tx, "ci")
            assert channel is not None
            wanted = [Filter(words=(word,)) for word in queries]
            pages = [await history.read(tx, channel, each, after=0, limit=2, max_bytes=10**6) for each in wanted]
            return [[entry.seq for entry in entries] for entries, _ in pages]

    before = await search()
    async with TaskScope() as tasks:
        await WordIndex(db, tasks).catch_up()
        async with asyncio.timeout(10):
            while not tasks.quiet:  # noqa: ASYNC110 - a scope has no event for its last task
                await asyncio.sleep(0.01)
    async with db.reading() as tx:
        last = (await tx.execute(text("SELECT max(last_seq) FROM word_runs"))).scalar_one()
    after = await search()
    async with db.transaction() as tx:
        await tx.run_sync(lambda connection: migrate(connection, command.downgrade, "0002"))
        index = "updates_words WHERE updates_words MATCH" if db.dialect == "sqlite" else "updates WHERE words ~"
        found = (await tx.execute(text(f"SELECT count(*) FROM {index} 'number2049'"))).scalar_one()
    await db.close()

    assert before == after == [[2001], [2049], [4095], [2001, 2003], []]
    assert last > 2000 + 2000 and found == 1
