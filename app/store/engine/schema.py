"""The schema's version: the one the database has, the one the code needs, and the upgrade between them."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from app.config import ConfigError, tree
from app.store.engine.database import Database

# Any fixed number. The process that holds this PostgreSQL lock migrates; the others wait and find the schema migrated.
_MIGRATION_LOCK = 7_309_453


async def revision(db: Database) -> str | None:
    """The database's revision; None when it has no schema yet. Raises Unavailable, or ConfigError for several."""
    try:
        async with db.reading() as tx:
            return await tx.run_sync(lambda connection: MigrationContext.configure(connection).get_current_revision())
    except CommandError:
        raise ConfigError("The table alembic_version names several revisions: restore a backup.") from None


def is_known(found: str) -> bool:
    """Does this code know the revision? It does not know those of a newer Tidewire."""
    return any(script.revision == found for script in ScriptDirectory.from_config(_config()).walk_revisions())


async def encoding(db: Database) -> str:
    """The encoding in which the database keeps text. Raises Unavailable."""
    query = "PRAGMA encoding" if db.dialect == "sqlite" else "SHOW server_encoding"
    async with db.reading() as tx:
        return str((await tx.execute(text(query))).scalar_one())


def newest() -> str:
    """The revision that this code needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


async def upgrade(db: Database) -> None:
    """Upgrade the database to the newest revision, in one transaction; safe when several processes do so at once."""

    def run(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async with db.long_transaction() as tx:
        await tx.run_sync(run)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(tree("migrations")).replace("%", "%%"))
    return config
