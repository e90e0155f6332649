"""Thousands of channels, written directly into a hub's database."""

from sqlalchemy import insert, select

from app.clock import now_ms
from app.config import Settings
from app.model.channel import Publishing, Visibility
from app.store.channels import new_epoch
from app.store.engine.database import Database
from app.store.tables import CHANNELS

_ROWS_PER_STATEMENT = 500  # A database limits the number of values in a statement.


async def create_idle_channels(database_url: str, groups: int, each: int, *, for_everyone: bool = False) -> None:
    """Create those of the public channels idle-G-I that do not exist yet; `for_everyone` to publish to."""
    db = Database(Settings(env="testing", database_url=database_url))
    rows = [
        {
            "slug": f"idle-{group}-{index}",
            "visibility": Visibility.PUBLIC.value,
            "publishing": (Publishing.EVERYONE if for_everyone else Publishing.MEMBERS).value,
            "epoch": new_epoch(),
            "first_seq": 1,
            "last_seq": 0,
            "created_at": now_ms(),
        }
        for group in range(groups)
        for index in range(each)
    ]
    try:
        async with db.transaction() as tx:
            existing = set((await tx.execute(select(CHANNELS.c.slug).where(CHANNELS.c.slug.like("idle-%")))).scalars())
            missing = [row for row in rows if row["slug"] not in existing]
            for begin in range(0, len(missing), _ROWS_PER_STATEMENT):
                await tx.execute(insert(CHANNELS), missing[begin : begin + _ROWS_PER_STATEMENT])
    finally:
        await db.close()
