"""One connection's publishes: committed in the order in which they were received, a bounded number at a time."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from app.actions.publish import submit
from app.errors import INTERNAL_CODE, Refusal
from app.model.access import Principal
from app.model.draft import check, draft_of
from app.model.submission import Stored
from app.services import Services
from app.web.socket import messages
from app.web.socket.messages import Publish

log = logging.getLogger("tidewire.socket")
MAX_PENDING = 100


class Publishing:
    """Each publish is queued for the group commit when `publish` returns, and answered by `send` after its commit."""

    __slots__ = ("_below_limit", "_pending", "_send", "_services", "_who")

    def __init__(self, services: Services, who: Principal, send: Callable[[dict[str, object]], None]) -> None:
        self._services, self._who, self._send = services, who, send
        self._pending: set[asyncio.Future[Stored]] = set()
        self._below_limit: asyncio.Future[None] | None = None

    @property
    def empty(self) -> bool:
        """True while no publish waits for its commit."""
        return not self._pending

    async def publish(self, message: Publish) -> None:
        """Queue a publish. Waits only while too many are pending."""
        if len(self._pending) >= MAX_PENDING:
            self._below_limit = asyncio.get_running_loop().create_future()
            await self._below_limit
        try:
            submission = check([draft_of(message.update)])
            stored = submit(self._services.publisher, self._who, message.channel, submission, message.idempotency_key)
        except Refusal as found:
            self._refuse(message, found)
        else:
            self._pending.add(stored)
            stored.add_done_callback(partial(self._answer, message))

    async def answered(self) -> None:
        """Return when every pending publish has been answered."""
        if self._pending:
            await asyncio.wait(self._pending)

    def forget(self) -> None:
        """Answer no more publishes. Those that are queued are stored nevertheless."""
        for stored in tuple(self._pending):
            stored.cancel()

    def _answer(self, message: Publish, stored: asyncio.Future[Stored]) -> None:
        self._pending.discard(stored)
        if self._below_limit is not None and not self._below_limit.done():
            self._below_limit.set_result(None)
        if stored.cancelled():
            return
        failure = stored.exception()
        if isinstance(failure, Refusal):
            self._refuse(message, failure)
        elif failure is not None:
            log.error("A publish failed", exc_info=failure)
            sentence = "Something went wrong here; it was logged. Try again, with an idempotency_key."
            self._send(messages.error_message(message.ref, INTERNAL_CODE, sentence, None))
        else:
            found = stored.result()
            entry, epoch = found.entries[0], found.channel.epoch
            self._send(messages.published_message(message.ref, message.channel, epoch, entry.seq, entry.update_id))

    def _refuse(self, message: Publish, found: Refusal) -> None:
        # The name of the field in the websocket's message.
        field = "idempotency_key" if found.field == "Idempotency-Key" else found.field
        self._send(messages.error_message(message.ref, found.code, found.message, field))
