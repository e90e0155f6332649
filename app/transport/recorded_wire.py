"""A wire that records what was answered, for the access log; only used while that is on."""

from collections.abc import Callable, Sequence
from typing import Any

from app.model.batch import Form
from app.telemetry.access_log import ENTRY, AccessEntry
from app.telemetry.logs import REQUEST_ID
from app.transport.plain import PlainSink
from app.transport.sink import Body
from app.transport.websocket import Owner, Websocket
from app.transport.wire import Receive, Send, Wire

SWITCHED = 101  # The status of a handshake that was accepted (RFC 6455, 4.2.2),
REFUSED = 403  # and of one that was closed before (ASGI).


class RecordedWire(Wire):
    """A wire whose entry gets the status, the request id, and the bytes of the body; of streams and websockets the
    framing counts too."""

    __slots__ = ("_entry",)

    def __init__(self, receive: Receive, send: Send, send_timeout: float) -> None:
        """As `Wire`, for the entry of the current task."""
        super().__init__(receive, send, send_timeout)
        entry = ENTRY.get()
        assert entry is not None, "The access log is around the supervisor, which makes the wires."
        self._entry = entry

    async def send(self, message: Any) -> None:
        """As `Wire.send`."""
        if self.websocket is None:
            self._record(message)
        await super().send(message)

    async def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        """As `Wire.answer`."""
        self._begin(status)
        try:
            await super().answer(status, headers, body)
        finally:
            self._entry.sent = len(body)

    def body(self, form: Form, on_failure: Callable[[], None]) -> Body:
        """As `Wire.body`."""
        sink = super().body(form, on_failure)
        if not isinstance(sink, PlainSink):  # That one sends by `send`.
            self._entry.streamed = lambda: sink.written
        return sink

    def take_over(self, owner: Owner) -> Websocket | None:
        """As `Wire.take_over`. The line is written when the websocket has ended."""
        found = super().take_over(_RecordedOwner(owner, self._entry))
        if found is not None:
            self._entry.is_held, self._entry.streamed = True, lambda: found.written
        return found

    def _record(self, message: Any) -> None:
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start"):
            self._begin(message["status"])
        elif kind == "websocket.accept":
            self._begin(SWITCHED)
        elif kind == "websocket.close":
            if self._entry.status is None:
                self._begin(REFUSED)
        elif self._entry.has_body:
            text = message.get("text")
            self._entry.sent += len(text.encode() if text else message.get("body") or message.get("bytes") or b"")

    def _begin(self, status: int) -> None:
        self._entry.status, self._entry.request_id = status, REQUEST_ID.get()


class _RecordedOwner:
    """The owner of a websocket, whose end writes the line."""

    __slots__ = ("_entry", "_owner", "received", "stalled")

    def __init__(self, owner: Owner, entry: AccessEntry) -> None:
        self._owner, self._entry = owner, entry
        self.received, self.stalled = owner.received, owner.stalled

    def closed(self) -> None:
        """As `Owner.closed`."""
        try:
            self._owner.closed()
        finally:
            self._entry.write()
