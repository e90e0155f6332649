"""The schema: upgrades it, or checks it and raises an error that names the next step."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from app.actions.channels import provide_channel
from app.config import ConfigError, Settings
from app.errors import Conflict, NotFound
from app.model.channel import ChannelDraft, Publishing, Visibility
from app.store.engine import schema, url
from app.store.engine.database import Database
from app.store.engine.engines import check_url
from app.store.engine.migrations import Migrations

LOBBY = ChannelDraft(
    slug="lobby",
    title="Lobby",
    description="Open to everyone on this hub, to read and to post to.",
    visibility=Visibility.PUBLIC,
    publishing=Publishing.EVERYONE,
)


type OpenDatabase = Database  # The name for the command line, which works on the database by actions only.


def database_name(settings: Settings) -> str:
    """Which database the settings name, without user and password. Raises ConfigError."""
    return url.shown(settings)


def check_database_settings(settings: Settings) -> None:
    """Raise ConfigError for what a start would refuse before it reaches the database. Nothing is created."""
    check_url(settings)
    Migrations(settings.migrations)


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[OpenDatabase]:
    """The configured database, closed at the end. Raises ConfigError for a URL that can't be used."""
    try:
        db = Database(settings)
    except ValueError as error:
        raise ConfigError(f"TIDEWIRE_DATABASE_URL can't be used: {error}.") from None
    try:
        yield db
    finally:
        await db.close()


async def ready_schema(settings: Settings, db: Database) -> None:
    """Upgrade the schema in development; only check it in production. Raises ConfigError, which names the next step, or
    Unavailable."""
    await (check_schema if settings.env == "production" else prepare_development)(db)


async def schema_state(db: Database) -> tuple[str | None, str]:
    """The schema's revision, None without one, and the revision that this code needs: with migrations of your own, the
    newest of each package after the hub's.

    Raises Unavailable, and ConfigError for a database that this code can't use: of a newer Tidewire, or in an encoding
    that lacks characters.
    """
    encoding = await schema.encoding(db)
    if not encoding.upper().startswith("UTF"):
        raise ConfigError(
            f"The database keeps text in {encoding}, which lacks most characters: create one with ENCODING 'UTF8' "
            "(CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0)."
        )
    heads, migrations = await schema.heads(db), Migrations(db.migrations)
    if unknown := migrations.unknown(heads):
        raise ConfigError(
            f"The database's schema is at revision {', '.join(unknown)}, which this Tidewire does not know: it was "
            "made by a newer Tidewire, by a package that TIDEWIRE_MIGRATIONS does not name, or by another program. "
            "Install that version, name the package, or restore a backup from before its upgrade."
        )
    return migrations.reached(heads) or None, migrations.newest


async def upgrade_schema(db: Database) -> tuple[str | None, str]:
    """Upgrade the schema to the newest revision. Returns the revision before and after. Raises Unavailable, and
    ConfigError for a database that this code can't use."""
    before, needed = await schema_state(db)
    if before != needed:
        await schema.upgrade(db)
    return before, needed


async def remove_migrations(db: Database, label: str) -> list[str]:
    """Undo all migrations of a package, by its label. Returns their revisions, the newest first. Raises NotFound,
    Unavailable, and ConfigError for a database that this code can't use."""
    await schema_state(db)
    labels = Migrations(db.migrations).labels
    if label not in labels:
        named = ", ".join(sorted(labels)) or "none"
        raise NotFound(f"No package that TIDEWIRE_MIGRATIONS names has the label {label!r}; the labels are: {named}.")
    await schema.remove(db, label)
    return labels[label]


async def check_schema(db: Database) -> None:
    """Raises ConfigError when the database's schema is not the one that this code needs, or Unavailable."""
    found, needed = await schema_state(db)
    if found != needed:
        raise ConfigError(
            f"The database's schema is at revision {found or 'none'} and this hub needs {needed}: "
            "run `tidewire db upgrade`."
        )


async def prepare_development(db: Database) -> tuple[str | None, str]:
    """Upgrade the schema, and the first time create the open channel `lobby`. Returns the revision before and after."""
    before, now = await upgrade_schema(db)
    if before is None:
        with suppress(Conflict):  # Another process started at the same moment.
            await provide_channel(db, LOBBY)
    return before, now
