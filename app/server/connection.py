"""One TCP connection under hypercorn, with the bounds that hypercorn 0.18 lacks.

hypercorn keeps a connection that the client closed while it was idle until the keep-alive timeout; it waits without
end for a client that takes nothing of the last bytes, and does not notice the end of one whose next request waits for a
stream; and it changes to HTTP/2 for whichever client begins with it, where silence has no timeout.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from hypercorn.asyncio import run as worker
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h11 import H11Protocol

from app.config import Settings
from app.server.closing import Drain, cut_when_stalled
from app.server.shared import Shared
from app.server.unparsed import answer_unparsed, has_unread_body, is_unanswered, is_websocket

_REFUSED = (b"HTTP/1.1 4", b"HTTP/1.1 505")
_LINGER_S = 5.0
_READ_BYTES = 64 * 1024
_PIPELINED_S = 0.05  # For the next request to begin, which came with the one that was answered.


def serve_connections(settings: Settings) -> None:
    """Have hypercorn's workers in this process serve each connection as a ServerConnection."""
    served = partial(ServerConnection, settings=settings, shared=Shared.of(settings))
    worker.TCPServer = served  # type: ignore[assignment, attr-defined]  # The one name of the server's that is replaced.


class ServerConnection(TCPServer):
    """A connection of this process, in the place of hypercorn's own."""

    def __init__(self, *given: Any, settings: Settings, shared: Shared) -> None:
        super().__init__(*given)
        self._settings, self._shared = settings, shared
        self._read_all = asyncio.Event()
        self._answered = asyncio.Event()  # The newest request.
        self._handling: asyncio.Timeout | None = None  # While what was read is being handled.
        self._stopping: asyncio.Task[None] | None = None

    @property
    def protocol(self) -> ProtocolWrapper:
        """The HTTP of this connection: 1.1, whatever the client begins with. HTTP/2 belongs to the proxy in front."""
        return self._protocol

    @protocol.setter
    def protocol(self, protocol: ProtocolWrapper) -> None:
        http = protocol.protocol
        if isinstance(http, H11Protocol):
            http._check_protocol = _stay_at_http1  # type: ignore[method-assign]
            answer_unparsed(http, self._settings, self.writer.get_extra_info("peername"))
        self._protocol = protocol

    async def run(self) -> None:
        """Serve it until it is closed: that is at once, where its network has too many.

        A network that opens them faster than _STARTS_PER_S waits: nearly all that a short connection costs is its
        start, whatever its request is answered (benchmark `abuse`)."""
        peer, counts, starts = self.writer.get_extra_info("peername"), self._shared.by_network, self._shared.starts
        if counts is None or not isinstance(peer, tuple):
            await self._run()
            return
        if not counts.add(peer[0]):
            self.writer.transport.abort()
            return
        try:
            if starts is not None and (wait := starts.wait(peer[0], self.loop.time())) > 0:
                await asyncio.sleep(wait)
            await self._run()
        finally:
            counts.remove(peer[0])

    async def _run(self) -> None:
        """A failure of the server's own is a line in the log, at a rate: what a client sends must not fill it."""
        try:
            await super().run()
        except Exception as error:
            while isinstance(error, ExceptionGroup):
                error = error.exceptions[0]
            self._shared.failures.failed(type(error).__name__, f"A connection failed in the server itself: {error!r}")

    async def protocol_send(self, event: Event) -> None:
        """As hypercorn's, without a timeout for the next request where none can come. A refusal waits where its network
        has many: whoever is refused without a pause would keep the hub busy with asking again."""
        if isinstance(event, RawData):
            refusals = self._shared.refusals
            if refusals is not None and event.data.startswith(_REFUSED):
                peer = self.writer.get_extra_info("peername")
                if isinstance(peer, tuple) and (wait := refusals.wait(peer[0], self.loop.time())) > 0:
                    await asyncio.sleep(wait)
            await super().protocol_send(event)
        elif isinstance(event, Closed):
            self._answered.set()
            # TLS has no half of a connection to end: its client waits for the close itself, unless it is still sending.
            self._end(lingers=self.writer.can_write_eof() or has_unread_body(self._http))
        else:
            idle = isinstance(event, Updated) and event.idle
            if idle:
                self._answered.set()
            if not (idle and self.reader.at_eof()):
                await super().protocol_send(event)

    async def _initiate_server_close(self) -> None:
        """Of an idle connection: no answer is on its way to the client."""
        await self.protocol.handle(Closed())
        self._end(lingers=False)

    def _end(self, *, lingers: bool) -> None:
        """Close it in a task of its own. The caller's may be the application's, which is cancelled after its answer, or
        the one that has to read on."""
        if isinstance(self._protocol, Drain):
            return
        drain = Drain(self.writer.transport, self._settings.max_request_bytes)
        self._protocol = drain  # type: ignore[assignment]
        with suppress(RuntimeError):  # The tasks are being cancelled, and run() closes it.
            self._task_group.spawn(self._linger if lingers else self._close)

    async def _read_data(self) -> None:
        """As hypercorn's, with two differences: a client which ends its side after a request receives the answer all
        the same, and its end is noticed also while what it sent waits for something."""
        self.reader.feed_eof = partial(self._ended, self.reader.feed_eof)  # type: ignore[method-assign]
        self.reader.set_exception = partial(self._ended, self.reader.set_exception)  # type: ignore[method-assign]
        try:
            while not self.reader.at_eof():
                try:
                    data = await asyncio.wait_for(self.reader.read(_READ_BYTES), self.config.read_timeout)
                    if data:  # h11 takes nothing for the end, and would not answer what it has.
                        async with asyncio.timeout(None) as self._handling:
                            await self.protocol.handle(RawData(data))
                except (OSError, TimeoutError):
                    break
                finally:
                    self._handling = None
                    if self._stopping is not None:
                        self._stopping.cancel()
                        self._stopping = None
            if self.reader.exception() is None:
                await self._answer_request(whole=True)
            await self.protocol.handle(Closed())
        finally:
            self._read_all.set()
            del self.reader.feed_eof, self.reader.set_exception  # They keep this object.
        await self.idle_task.stop()

    def _ended(self, tell: Callable[..., None], *given: Any) -> None:
        """The client has ended its side, or the connection is lost."""
        tell(*given)
        if self._handling is not None:
            self._stopping = self._stopping or asyncio.ensure_future(self._stop_handling(self._handling))

    async def _stop_handling(self, handling: asyncio.Timeout) -> None:
        """End the wait of what the client sent last. It waits for the end of the answer before, and a stream has none
        of its own: one byte after its request would keep it, and its client's place, for ever."""
        while not is_websocket(self._http):
            await self._answer_request(whole=False)
            await asyncio.sleep(_PIPELINED_S)
            if self.writer.transport.is_closing() or not is_unanswered(self._http, whole=False):
                handling.reschedule(self.loop.time())
                return

    @property
    def _http(self) -> object:
        return None if isinstance(self._protocol, Drain) else self._protocol.protocol

    async def _answer_request(self, *, whole: bool) -> None:
        """Wait until the answer to the request is begun; a stream or a websocket ends with its client."""
        if is_unanswered(self._http, whole=whole):
            self._answered.clear()
            answered = asyncio.ensure_future(self._answered.wait())
            gone = asyncio.ensure_future(self.writer.wait_closed())
            timeout = self._settings.query_timeout
            _, waiting = await asyncio.wait({answered, gone}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            for each in waiting:
                each.cancel()
            if gone.done() and not gone.cancelled():
                gone.exception()  # Of a reset, which is no failure here.

    async def _linger(self) -> None:
        """Take in what the client still sends before the connection is closed: a close with bytes unread is a reset,
        which may reach the client before the answer does (RFC 9112, 9.6). nginx, which sends a whole body before it
        reads, would answer 502 for the hub's own refusal."""
        if self.writer.can_write_eof():
            with suppress(OSError, RuntimeError):
                self.writer.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(_LINGER_S, self._settings.send_timeout)):
                await self._read_all.wait()
        await self._close()

    async def _close(self) -> None:
        timeout = self._settings.send_timeout
        check = asyncio.ensure_future(cut_when_stalled(self.writer.transport, timeout, min(_LINGER_S, timeout)))
        try:
            with suppress(OSError):  # TLS: the client sent on after the end.
                await super()._close()
        finally:
            check.cancel()


async def _stay_at_http1(event: object) -> None:
    """In the place of hypercorn's look for HTTP/2. An `Upgrade: h2c` is ignored (RFC 9110, 7.8), and the preface of
    HTTP/2 becomes a request of a version that the supervisor refuses."""
