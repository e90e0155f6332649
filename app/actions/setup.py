"""The schema: brought up to date, or found wanting with the words that say what to do."""

from contextlib import suppress

from app.actions.channels import provide_channel
from app.config import ConfigError
from app.errors import Conflict
from app.model.channel import ChannelDraft, Publishing, Visibility
from app.store.engine import schema
from app.store.engine.database import Database

LOBBY = ChannelDraft(
    slug="lobby",
    title="Lobby",
    description="Open to everyone on this hub, to read and to post to.",
    visibility=Visibility.PUBLIC,
    publishing=Publishing.EVERYONE,
)


async def upgrade_schema(db: Database) -> tuple[str | None, str]:
    """Bring the schema to the newest revision; which it was and is. Raises Unavailable."""
    before = await schema.revision(db)
    if before != schema.newest():
        await schema.upgrade(db)
    return before, schema.newest()


async def check_schema(db: Database) -> None:
    """Raises ConfigError when the database's schema is not this code's, and Unavailable."""
    found, needed = await schema.revision(db), schema.newest()
    if found != needed:
        raise ConfigError(
            f"The database's schema is at revision {found or 'none'} and this hub needs {needed}: "
            "run `tidewire db upgrade`."
        )


async def prepare_development(db: Database) -> None:
    """The newest schema, and at the first start the open channel `lobby`."""
    before, _ = await upgrade_schema(db)
    if before is None:
        with suppress(Conflict):  # Another process started at the same moment.
            await provide_channel(db, LOBBY)
