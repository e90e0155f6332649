"""The index of words: what was left to be indexed, at the start and every now and then."""

import asyncio
import logging
import random

from app.errors import Unavailable
from app.services import Services

log = logging.getLogger("tidewire.words")


async def index_words(services: Services) -> None:
    """Have the index catch up as often as logs are trimmed, jittered, so that the processes of a fleet take turns."""
    while True:
        try:
            await services.words.catch_up()
        except Unavailable as error:
            log.warning("The index of words could not reach the database: %s", error.__cause__ or error)
        except Exception:
            log.exception("The index of words could not catch up")
        await asyncio.sleep(services.settings.retention_interval * random.uniform(0.5, 1.5))
