"""Databases as after a first start, prepared once per run and copied for each test."""

from app.actions.setup import open_database, prepare_development
from app.config import Settings


async def prepare(database_url: str) -> None:
    """Give an empty database its schema and the channel `lobby`."""
    async with open_database(Settings(env="testing", database_url=database_url)) as db:
        await prepare_development(db)
