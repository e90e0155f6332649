"""Retention: removes the updates that are older, or more, than a channel keeps."""

import logging

from app.clock import now_ms
from app.store.engine.database import Database
from app.store.log import trim

log = logging.getLogger("tidewire.retention")
_DAY_MS = 86_400_000
_CHANNELS = 100
_UPDATES = 2000  # In one transaction, because publishers of the channel wait for it.


async def trim_logs(db: Database) -> int:
    """Trim every channel that has a retention, and return how many updates were removed. Safe in several processes."""
    removed = above = 0
    while True:
        async with db.reading() as tx:
            due = await trim.due(tx, above, _CHANNELS)
        for channel in due:
            days = channel.retention_days
            older_than = now_ms() - days * _DAY_MS if days is not None else None
            try:
                removed += await _trim(db, channel.id, older_than, channel.retention_updates)
            except Exception:  # A channel that can't be trimmed must not prevent the others from being trimmed.
                log.exception("The log of channel %s could not be trimmed", channel.id)
        if len(due) < _CHANNELS:
            return removed
        above = due[-1].id


async def _trim(db: Database, channel_id: int, older_than: int | None, keep: int | None) -> int:
    removed = 0
    while True:
        async with db.transaction() as tx:
            count = await trim.trim(tx, channel_id, older_than, keep, _UPDATES)
        removed += count
        if count < _UPDATES:
            return removed
