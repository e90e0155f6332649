"""Read the newest position of a channel over HTTP."""

from dataclasses import dataclass

import aiohttp

from benchmarks.hub_protocol import CHANNEL
from benchmarks.server import Server
from tests.support.ports import HOST

_TIMEOUT = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True, slots=True)
class Position:
    """The position after which a watcher resumes."""

    epoch: str
    seq: int

    def subscription(self) -> str:
        """The message that subscribes after this position."""
        position = f'"after":{self.seq},"epoch":"{self.epoch}"'
        return f'{{"type":"subscribe","channel":"{CHANNEL}",{position}}}'


async def newest(hub: Server) -> Position:
    """The position of the newest update. Raises ClientError."""
    url = f"http://{HOST}:{hub.port}/api/v1/channels/{CHANNEL}/updates?limit=1"
    headers = {"Authorization": f"Bearer {hub.token}"}
    async with (
        aiohttp.ClientSession(timeout=_TIMEOUT, raise_for_status=True) as session,
        session.get(url, headers=headers) as response,
    ):
        found = await response.json()
    return Position(str(found["epoch"]), int(found["last_seq"]))
