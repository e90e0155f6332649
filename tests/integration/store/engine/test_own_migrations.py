"""Migrations of a package of one's own: a branch beside the hub's, upgraded with it and removed alone."""

import dataclasses
import importlib
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, inspect, text

from app.actions.setup import check_schema, prepare_development, remove_migrations, schema_state, upgrade_schema
from app.config import ConfigError, Settings
from app.store.engine import schema
from app.store.engine.database import Database
from app.store.engine.migrations import Migrations

NEWEST = Migrations(()).newest
FILE = """
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = {revision!r}, {below!r}, {label!r}, {on!r}

def upgrade():
    op.create_table({table!r}, sa.Column("id", sa.Integer, primary_key=True))
    {more}

def downgrade():
    op.drop_table({table!r})
"""

type Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write one migration of a package in the working directory; returns the package's import path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()

    def write_one(revision: str, below: str | None = None, *, package: str = "shop", **more: Any) -> str:
        label = more.get("label", (package,) if below is None else None)
        folder = tmp_path / package / "migrations"
        folder.mkdir(parents=True, exist_ok=True)
        given = {"revision": revision, "below": below, "label": label, "on": more.get("on"), "table": revision}
        folder.joinpath(f"{revision}.py").write_text(FILE.format(**given, more=more.get("more", "")))
        return f"{package}.migrations"

    return write_one


@pytest.fixture
async def opened(settings: Settings) -> AsyncIterator[Callable[..., Database]]:
    """Opens the test's database, on each of the two, with the migrations of these packages."""
    databases: list[Database] = []

    def open_one(*packages: str) -> Database:
        databases.append(Database(dataclasses.replace(settings, migrations=packages)))
        return databases[-1]

    yield open_one
    for db in databases:
        await db.close()


async def tables(db: Database) -> set[str]:
    def names(connection: Connection) -> set[str]:
        return set(inspect(connection).get_table_names())

    async with db.reading() as tx:
        return await tx.run_sync(names)


async def downgrade_own(db: Database, revision: str) -> None:
    """Go back to an older schema of the hub, as a database that an older Tidewire has upgraded."""

    def run(connection: Connection) -> None:
        config = Migrations(db.migrations).config
        config.attributes["connection"] = connection
        command.downgrade(config, revision)

    async with db.transaction() as tx:
        await tx.run_sync(run)


async def test_a_package_is_upgraded_after_the_hub_and_by_its_next_migration(
    opened: Callable[..., Database], write: Write
) -> None:
    db = opened(write("shop_1", on=NEWEST))
    first = await prepare_development(db)
    write("shop_2", "shop_1")
    with pytest.raises(ConfigError, match=rf"at revision {NEWEST}, shop_1 and this hub needs {NEWEST}, shop_2"):
        await check_schema(db)
    second, third = await upgrade_schema(db), await upgrade_schema(db)
    await check_schema(db)
    await db.check_write()

    assert first == (None, f"{NEWEST}, shop_1")
    assert second == (f"{NEWEST}, shop_1", f"{NEWEST}, shop_2")
    assert third == (f"{NEWEST}, shop_2",) * 2
    assert {"shop_1", "shop_2", "channels"} <= await tables(db)


@pytest.mark.parametrize("on", [None, "0003"])
async def test_the_hub_is_upgraded_beside_a_package_that_was_there_before(
    opened: Callable[..., Database], write: Write, on: str | None
) -> None:
    db = opened(write("shop_1", on=on))
    await schema.upgrade(db)
    await downgrade_own(db, "0003")

    assert await upgrade_schema(db) == ("0003, shop_1", f"{NEWEST}, shop_1")
    assert await schema_state(db) == (f"{NEWEST}, shop_1",) * 2


async def test_two_packages_are_added_one_after_the_other_and_one_is_removed(
    opened: Callable[..., Database], write: Write
) -> None:
    shop, club = write("shop_1", on=NEWEST), write("club_1", package="club")
    await schema.upgrade(opened())
    await schema.upgrade(opened(shop))
    db = opened(shop, club)
    added = await upgrade_schema(db)
    removed = await remove_migrations(db, "shop")

    assert added == (f"{NEWEST}, shop_1", f"{NEWEST}, shop_1, club_1")
    assert removed == ["shop_1"] and await schema_state(opened(club)) == (f"{NEWEST}, club_1",) * 2
    assert "club_1" in (found := await tables(db)) and "shop_1" not in found and "channels" in found


async def test_a_database_with_migrations_of_an_unnamed_package_is_refused(
    opened: Callable[..., Database], write: Write
) -> None:
    await schema.upgrade(opened(write("shop_1", on=NEWEST)))

    for refuse in (check_schema, upgrade_schema):
        with pytest.raises(ConfigError, match=r"revision shop_1.*a package that TIDEWIRE_MIGRATIONS does not name"):
            await refuse(opened())


async def test_a_migration_that_fails_leaves_nothing_of_the_upgrade(
    opened: Callable[..., Database], write: Write
) -> None:
    db = opened(write("shop_1", more="raise LookupError('of the package')"))
    with pytest.raises(LookupError, match="of the package"):
        await schema.upgrade(db)

    assert await tables(db) == set()


async def test_two_revisions_of_one_package_in_the_table_are_refused(
    opened: Callable[..., Database], write: Write
) -> None:
    write("shop_1")
    db = opened(write("shop_2", "shop_1"))
    await schema.upgrade(db)
    async with db.transaction() as tx:
        await tx.execute(text("INSERT INTO alembic_version VALUES ('shop_1')"))

    with pytest.raises(ConfigError, match="several revisions of a package"):
        await schema_state(db)


@pytest.mark.parametrize(
    ("migrations", "reason"),
    [
        ([("0001",)], "0001 is present more than once.*Begin the revisions of a package with its name"),
        ([("shop_1", NEWEST)], "exactly one migration of shop.migrations must have `down_revision = None`"),
        ([("shop_1",), ("shop_2",)], "do not fit together: .*shop.*already used"),
        ([("shop_1",), ("shop_2", "shop_1"), ("shop_3", "shop_1")], "must be one line; they end in shop_[23], shop_"),
        ([("shop_2", "shop_1")], "do not fit together"),
        ([("shop_1" + "x" * 30,)], "more than 32 characters"),
    ],
)
def test_migrations_that_break_a_rule_are_refused(write: Write, migrations: list[tuple[str, ...]], reason: str) -> None:
    for each in migrations:
        write(*each)

    with pytest.raises(ConfigError, match=f"^TIDEWIRE_MIGRATIONS: .*{reason}"):
        Migrations(["shop.migrations"])


def test_a_first_migration_without_a_label_or_with_an_unknown_dependency_is_refused(write: Write) -> None:
    write("shop_1", label=None)
    write("club_1", package="club", on="9999")
    with pytest.raises(ConfigError, match=r"shop\.migrations must have one label"):
        Migrations(["shop.migrations"])
    with pytest.raises(ConfigError, match="depends on '9999', which is the revision of none"):
        Migrations(["club.migrations"])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("shop/migrations", "must be the import path of a package"),
        ("nothing.migrations", "can't be imported: No module named 'nothing'"),
        ("nothing", "there is no package nothing"),
        ("colorsys", "is a module, and must be a package"),
        ("empty", "has no migration"),
    ],
)
def test_a_package_that_is_not_there_is_refused(write: Write, tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(ConfigError, match=f"^TIDEWIRE_MIGRATIONS: .*{reason}"):
        Migrations([name])
