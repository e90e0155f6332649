"""Channels by the thousand, written straight into a hub's database."""

from sqlalchemy import insert, select

from app.clock import now_ms
from app.config import Settings
from app.model.channel import Publishing, Visibility
from app.store.channels import new_epoch
from app.store.engine.database import Database
from app.store.tables import CHANNELS

_AT_ONCE = 500  # Rows of one statement: a database bounds the values in it.


async def idle_channels(database_url: str, groups: int, each: int) -> None:
    """The public channels idle-G-I, unless they are there already."""
    db = Database(Settings(env="testing", database_url=database_url))
    rows = [
        {
            "slug": f"idle-{group}-{index}",
            "visibility": Visibility.PUBLIC.value,
            "publishing": Publishing.MEMBERS.value,
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
            there = set((await tx.execute(select(CHANNELS.c.slug).where(CHANNELS.c.slug.like("idle-%")))).scalars())
            missing = [row for row in rows if row["slug"] not in there]
            for begin in range(0, len(missing), _AT_ONCE):
                await tx.execute(insert(CHANNELS), missing[begin : begin + _AT_ONCE])
    finally:
        await db.close()
