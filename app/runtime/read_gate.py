"""A gate for reads of the log: those of one network one after the other, and after a large one a pause."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from app.config import Settings
from app.errors import RateLimited
from app.model.network import network_of

_MAX_PRESENT = 100  # Reads of one network, with the one that runs.
_FREE_BYTES = 64 * 1024  # An answer up to this needs no pause.
_BYTES_PER_S = 8 * 2**20
_FORGET_ABOVE = 1024  # Networks.


@dataclass(slots=True)
class _Turns:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    present: int = 0
    free_at: float = 0.0


class ReadGate:
    """Lets the reads of each network through in turns. A page of 1 MiB takes the event loop some 8 ms, and is followed
    by a pause of 0.12 s for its network: twenty large pages at once held up the watchers for 0.3 s (benchmark
    `abuse`)."""

    def __init__(self, settings: Settings) -> None:
        self._enabled = settings.rate_limits
        self._timeout = settings.query_timeout
        self._networks: dict[str, _Turns] = {}

    @asynccontextmanager
    async def read(self, address: str) -> AsyncIterator[Callable[[int], None]]:
        """Wait for a turn and hold it within the block, which passes the size of its answer in bytes to the function.
        Raises RateLimited where the network has too many waiting, or for TIDEWIRE_QUERY_TIMEOUT."""
        if not self._enabled:
            yield lambda _: None
            return
        turns = self._of(network_of(address))
        if turns.present >= _MAX_PRESENT:
            raise RateLimited("Your network has too many reads waiting; try again in a moment.", retry_after=2)
        turns.present += 1
        try:
            await self._wait(turns)
            sizes = [0]
            try:
                yield sizes.append
            finally:
                turns.free_at = time.monotonic() + max(0, sizes[-1] - _FREE_BYTES) / _BYTES_PER_S
                turns.lock.release()
        finally:
            turns.present -= 1

    async def _wait(self, turns: _Turns) -> None:
        """Take the lock, and sit out the pause. Raises RateLimited where that takes too long, as behind a database that
        does not answer."""
        try:
            async with asyncio.timeout(self._timeout):
                await turns.lock.acquire()
                try:
                    if (wait := turns.free_at - time.monotonic()) > 0:
                        await asyncio.sleep(wait)
                except BaseException:
                    turns.lock.release()
                    raise
        except TimeoutError:
            raise RateLimited(
                "Your network has too many reads waiting; try again in a moment.", retry_after=2
            ) from None

    def _of(self, network: str) -> _Turns:
        found = self._networks.get(network)
        if found is None:
            if len(self._networks) >= _FORGET_ABOVE:
                now = time.monotonic()
                self._networks = {
                    key: each for key, each in self._networks.items() if each.present or each.free_at > now
                }
            found = self._networks[network] = _Turns()
        return found
