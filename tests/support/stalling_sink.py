"""A sink that a test can stall, as a socket stalls when its client does not read."""

import asyncio

from app.live.events import EndReason, Reset, WatchEvent
from app.model.batch import Batch


class StallingSink:
    """Records the written `seqs`; while `stalled`, it accepts nothing."""

    closed = False
    written = 0

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.resets: list[Reset] = []
        self.ended: EndReason | None = None
        self.batches = 0
        self.stalled = False
        self._moved = asyncio.Event()

    def stall(self) -> None:
        """Accept nothing from now on."""
        self.stalled = True

    def go_on(self) -> None:
        """Accept batches again."""
        self.stalled = False
        self._moved.set()

    async def seen(self, last: int) -> None:
        """Return once `last` was written. Raises TimeoutError after five seconds."""
        async with asyncio.timeout(5):
            while not self.seqs or self.seqs[-1] < last:
                self._moved.clear()
                await self._moved.wait()

    def write(self, batch: Batch) -> bool:
        """As `Sink.write`."""
        if self.stalled:
            return False
        self.seqs += [entry.seq for entry in batch.entries]
        self.batches += 1
        self._moved.set()
        return True

    def notify(self, event: WatchEvent) -> None:
        """Record a watch event."""
        if isinstance(event, Reset):
            self.resets.append(event)
        else:
            self.ended = event.reason
        self._moved.set()

    def send(self, message: bytes) -> None:
        """Fail: no test sends a message."""
        raise AssertionError(message)

    async def drain(self) -> None:
        """As `Sink.drain`."""
        while self.stalled:
            self._moved.clear()
            await self._moved.wait()

    async def finish(self) -> None:
        """As `Body.finish`."""

    def release(self) -> None:
        """As `Body.release`."""
