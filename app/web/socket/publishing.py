"""One connection's publishes on their way into the log: in the order they came, and a bounded number of them."""

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
_MOST = 100


class InFlight:
    """Each stands in the group commit's line when `publish` returns, and is answered by `say` after its commit."""

    __slots__ = ("_on_their_way", "_room", "_say", "_services", "_who")

    def __init__(self, services: Services, who: Principal, say: Callable[[dict[str, object]], None]) -> None:
        self._services, self._who, self._say = services, who, say
        self._on_their_way: set[asyncio.Future[Stored]] = set()
        self._room: asyncio.Future[None] | None = None

    @property
    def empty(self) -> bool:
        """Is nothing on its way?"""
        return not self._on_their_way

    async def publish(self, message: Publish) -> None:
        """Begin a publish, one after the other; waits only where too many are on their way."""
        if len(self._on_their_way) >= _MOST:
            self._room = asyncio.get_running_loop().create_future()
            await self._room
        try:
            submission = check([draft_of(message.update)])
            stored = submit(self._services.publisher, self._who, message.channel, submission, message.idempotency_key)
        except Refusal as found:
            self._refuse(message, found)
        else:
            self._on_their_way.add(stored)
            stored.add_done_callback(partial(self._answer, message))

    async def answered(self) -> None:
        """Return when everything that is on its way now has been answered."""
        if self._on_their_way:
            await asyncio.wait(self._on_their_way)

    def forget(self) -> None:
        """Answer no more of them; what was submitted is stored all the same."""
        for stored in tuple(self._on_their_way):
            stored.cancel()

    def _answer(self, message: Publish, stored: asyncio.Future[Stored]) -> None:
        self._on_their_way.discard(stored)
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        if stored.cancelled():
            return
        failure = stored.exception()
        if isinstance(failure, Refusal):
            self._refuse(message, failure)
        elif failure is not None:
            log.error("A publish failed", exc_info=failure)
            sentence = "Something went wrong here; it was logged. Try again, with an idempotency_key."
            self._say(messages.error_message(message.ref, INTERNAL_CODE, sentence, None))
        else:
            found = stored.result()
            entry, epoch = found.entries[0], found.channel.epoch
            self._say(messages.published_message(message.ref, message.channel, epoch, entry.seq, entry.update_id))

    def _refuse(self, message: Publish, found: Refusal) -> None:
        # As it is called here.
        field = "idempotency_key" if found.field == "Idempotency-Key" else found.field
        self._say(messages.error_message(message.ref, found.code, found.message, field))
