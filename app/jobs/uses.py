"""Records when credentials were last used."""

import asyncio
from contextlib import suppress

from app.errors import Unavailable
from app.services import Services

INTERVAL_S = 2.0


async def record_uses(services: Services) -> None:
    """For ever: every two seconds, in one transaction. What is lost in an outage is noted again."""
    while True:
        await asyncio.sleep(INTERVAL_S)
        with suppress(Unavailable):
            await services.uses.record(services.db)
