"""The log without a hub: it acts as another hub on the same database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.clock import now_ms
from app.config import Settings
from app.model.access import check_publish
from app.model.submission import Outcome, Submitted
from app.store.engine.database import Database
from app.store.log.append import Log, open_log


async def append(log: Log, *group: Submitted) -> list[Outcome]:
    """Append the group in one transaction, and return the outcomes."""
    return await log.append(group, now_ms(), check_publish, 10)


@asynccontextmanager
async def log_of(settings: Settings) -> AsyncIterator[Log]:
    """A log with its own database connections."""
    db = Database(settings)
    log = open_log(db, settings)
    try:
        yield log
    finally:
        await log.close()
        await db.close()
