"""Publishing: what arrives while one commit is on its way waits together and goes as the next one."""

import asyncio
import logging
import time
from collections import deque

from app.clock import now_ms
from app.config import Settings
from app.errors import Refusal, Unavailable
from app.live.hub import Hub
from app.model.access import check_publish
from app.model.submission import Outcome, Stored, Submitted
from app.runtime.indexer import WordIndex
from app.store.engine.outages import Unstorable
from app.store.log.append import Log
from app.telemetry.metrics import Metrics

log = logging.getLogger("tidewire.publish")

type _Waiting = tuple[Submitted, asyncio.Future[Stored], int]  # And its size in bytes.


class Publisher:
    """Group commit: one transaction at a time, for all that waits. A caller gets its answer after its own commit."""

    def __init__(self, appender: Log, hub: Hub, words: WordIndex, settings: Settings, metrics: Metrics) -> None:
        self._log = appender
        self._hub = hub
        self._words = words
        self._settings = settings
        self._metrics = metrics
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._failing = False

    def submit(self, submitted: Submitted) -> asyncio.Future[Stored]:
        """Queue it. The future has what stands in the log for it, committed, or raises the Refusal of it: then nothing
        was stored. Raises Unavailable where the queue is full.

        A caller that gives up waiting does not stop what it submitted. Where the connection to the database broke, or
        the time ran out, during the commit itself, an `Unavailable` can be wrong: an idempotency key makes trying again
        safe.
        """
        size = sum(map(len, submitted.submission.fields))
        full = len(self._waiting) >= self._settings.pending_publishes
        if full or (self._waiting and self._waiting_bytes + size > self._settings.pending_bytes):
            self._metrics.failed.labels("queue_full").inc()
            raise Unavailable("Too many publishes are waiting; try again.", retry_after=1)
        future: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self._waiting.append((submitted, future, size))
        self._waiting_bytes += size
        self._idle.clear()
        self._arrived.set()
        return future  # A caller that leaves cancels this alone.

    async def run(self) -> None:
        """For ever: commit what is submitted, group after group."""
        while True:
            while self._waiting:
                await self._commit_group(self._next_group())
            self._idle.set()
            self._arrived.clear()
            await self._arrived.wait()

    async def drain(self) -> None:
        """Return when all that was submitted is committed or refused; `run` has to be running."""
        await self._idle.wait()

    async def _commit_group(self, group: list[_Waiting]) -> None:
        outcomes = await self._commit([submitted for submitted, _, _ in group])
        self._announce(outcomes)
        for (_, future, _), outcome in zip(group, outcomes, strict=True):
            if future.done():
                continue  # The caller has left.
            if isinstance(outcome, Refusal):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    def _next_group(self) -> list[_Waiting]:
        group = [self._waiting.popleft()]
        updates = len(group[0][0].submission.drafts)
        while self._waiting:
            updates += len(self._waiting[0][0].submission.drafts)
            if updates > self._settings.group_updates:
                break
            group.append(self._waiting.popleft())
        self._waiting_bytes -= sum(size for _, _, size in group)
        return group

    async def _commit(self, group: list[Submitted]) -> list[Outcome]:
        """The group in one transaction; each of it alone when the database refuses something in it."""
        try:
            return await self._commit_once(group)
        except Unavailable as refusal:
            self._failing = True
            self._metrics.failed.labels(refusal.cause.word if refusal.cause is not None else "other").inc(len(group))
            return [refusal for _ in group]
        except Unstorable as refusal:
            if len(group) == 1:
                return [refusal]
        except Exception:
            if len(group) == 1:
                log.exception("A publish to %r could not be stored", group[0].slug)
                self._metrics.failed.labels("bug").inc()
                return [Unavailable("The update could not be stored; it was logged.", retry_after=1)]
        return [(await self._commit([submitted]))[0] for submitted in group]

    async def _commit_once(self, group: list[Submitted]) -> list[Outcome]:
        began = time.perf_counter()
        at = now_ms()
        outcomes = await self._log.append(group, at, check_publish, self._settings.commit_timeout)
        self._metrics.commit_seconds.observe(time.perf_counter() - began)
        if self._failing:
            self._failing = False
            log.info("Publishes are stored again")
        return outcomes

    def _announce(self, outcomes: list[Outcome]) -> None:
        """Committed: now, and not before, the watchers get it. What fails here is not the publishers' failure: the
        reconciler finds what was not announced."""
        try:
            self._announce_stored(outcomes)
        except Exception:
            log.exception("What was committed could not be announced")

    def _announce_stored(self, outcomes: list[Outcome]) -> None:
        """One hint a channel."""
        fresh = [each for each in outcomes if isinstance(each, Stored) and not each.replayed]
        together: dict[int, list[Stored]] = {}
        for each in fresh:
            together.setdefault(each.channel.id, []).append(each)
        total = 0
        for channel_id, stored in together.items():
            entries = [entry for each in stored for entry in each.entries]
            total += len(entries)
            epoch = stored[0].channel.epoch
            self._hub.publish(channel_id, epoch, entries)
            self._words.committed(channel_id, epoch, entries)
        if total:
            self._metrics.published.inc(total)
            self._metrics.group_updates.observe(total)
