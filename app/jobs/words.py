"""The word index: indexes what is behind, at the start and periodically."""

import asyncio
import logging
import random

from app.errors import Unavailable
from app.services import Services

log = logging.getLogger("tidewire.words")


async def index_words(services: Services) -> None:
    """Index what is behind as often as logs are trimmed, jittered, so that several processes don't index at once."""
    while True:
        try:
            await services.words.catch_up()
        except Unavailable as error:
            log.warning("The word index could not reach the database: %s", error)
        except Exception:
            log.exception("The word index could not catch up")
        await asyncio.sleep(services.settings.retention_interval * random.uniform(0.5, 1.5))
