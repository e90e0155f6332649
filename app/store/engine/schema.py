"""The schema's version: the one the database has, the one the code needs, and the upgrade between them."""

from collections.abc import Callable

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from app.store.engine.database import Database
from app.store.engine.migrations import Migrations

# Any fixed number. The process that holds this PostgreSQL lock migrates; the others wait and find the schema migrated.
_MIGRATION_LOCK = 7_309_453


async def heads(db: Database) -> tuple[str, ...]:
    """The revisions that the database names, none when it has no schema yet. Raises Unavailable."""
    async with db.reading() as tx:
        return await tx.run_sync(lambda connection: MigrationContext.configure(connection).get_current_heads())


async def encoding(db: Database) -> str:
    """The encoding in which the database keeps text. Raises Unavailable."""
    query = "PRAGMA encoding" if db.dialect == "sqlite" else "SHOW server_encoding"
    async with db.reading() as tx:
        return str((await tx.execute(text(query))).scalar_one())


async def upgrade(db: Database) -> None:
    """Upgrade the database to the newest revisions, the hub's own first, in one transaction; safe when several
    processes do so at once."""
    migrations = Migrations(db.migrations)

    def steps(config: Config) -> None:
        command.upgrade(config, migrations.newest_own)
        command.upgrade(config, "heads")

    await _migrate(db, migrations, steps)


async def remove(db: Database, label: str) -> None:
    """Undo all migrations of a package, by the label of its branch."""
    migrations = Migrations(db.migrations)
    await _migrate(db, migrations, lambda config: command.downgrade(config, f"{label}@base"))


async def _migrate(db: Database, migrations: Migrations, steps: Callable[[Config], None]) -> None:
    def run(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        migrations.config.attributes["connection"] = connection
        steps(migrations.config)

    async with db.long_transaction() as tx:
        await tx.run_sync(run)
