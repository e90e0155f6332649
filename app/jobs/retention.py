"""Trims the logs periodically."""

import asyncio
import logging
import random

from app.actions.retention import trim_logs
from app.errors import Unavailable
from app.services import Services

log = logging.getLogger("tidewire.retention")


async def retain(services: Services) -> None:
    """Trim the logs every `retention_interval`, jittered, so that several processes don't trim at once."""
    while True:
        await asyncio.sleep(services.settings.retention_interval * random.uniform(0.5, 1.5))
        try:
            removed = await trim_logs(services.db)
        except Unavailable as error:
            log.warning("Retention could not reach the database: %s", error)
        except Exception:
            log.exception("Retention failed")
        else:
            if removed:
                log.info("Retention removed %d updates", removed)
