"""A database at an older revision, with a log from before."""

from collections.abc import Callable

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from app.config import tree
from app.store.engine.database import Transaction


async def downgrade(tx: Transaction, revision: str, *, first: int, last: int) -> None:
    """Go back to an older schema, with a channel whose log holds those seqs."""
    await tx.run_sync(lambda connection: migrate(connection, command.downgrade, revision))
    await tx.execute(
        text(
            "INSERT INTO channels (id, slug, visibility, publishing, epoch, first_seq, last_seq, created_at)"
            " VALUES (7, 'ci', 'public', 'everyone', 'e', :first, :last, 0)"
        ),
        {"first": first, "last": last},
    )


def migrate(connection: Connection, direction: Callable[[Config, str], None], to: str) -> None:
    """Run Alembic's own command on this connection."""
    config = Config()
    config.set_main_option("script_location", str(tree("migrations")))
    config.attributes["connection"] = connection
    direction(config, to)
