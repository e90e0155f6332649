"""Where a channel's log ends now, asked over HTTP."""

from dataclasses import dataclass

import aiohttp

from benchmarks.contestant import Contestant
from benchmarks.hub import CHANNEL
from tests.support.ports import HOST

_WITHIN = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True, slots=True)
class Position:
    """What a watcher resumes after."""

    epoch: str
    seq: int

    def subscription(self) -> str:
        """The message that asks for all that followed."""
        where = f'"after":{self.seq},"epoch":"{self.epoch}"'
        return f'{{"type":"subscribe","channel":"{CHANNEL}",{where}}}'


async def newest(hub: Contestant) -> Position:
    """The newest update's position. Raises ClientError."""
    url = f"http://{HOST}:{hub.port}/api/v1/channels/{CHANNEL}/updates?limit=1"
    headers = {"Authorization": f"Bearer {hub.token}"}
    async with (
        aiohttp.ClientSession(timeout=_WITHIN, raise_for_status=True) as session,
        session.get(url, headers=headers) as response,
    ):
        found = await response.json()
    return Position(str(found["epoch"]), int(found["last_seq"]))
