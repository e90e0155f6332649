"""The register of connections: every websocket, stream and request of this process, and the way to end them all."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from app.config import Settings
from app.errors import RateLimited, Unavailable
from app.live.events import EndReason
from app.model.access import Principal
from app.runtime.networks import NetworkCounts
from app.transport.websocket import Websocket
from app.transport.wire import Wire

type End = Callable[[EndReason], None]

CUT_AFTER = 0.8  # Of the shutdown timeout: the rest is for what follows.
MAX_CHECK_PAUSE_S = 1.0


class Connections:
    """Who is connected, how each is ended in its own protocol, and the transport under it, which may have to be cut."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._followers: dict[End, Principal] = {}
        self._anonymous = 0
        self._anonymous_by_network = NetworkCounts(settings.address_connections)
        # The rest is for callers with a credential: an operator gets in, however many visitors there are.
        self._most_anonymous = settings.max_connections - settings.max_connections // 10
        self._wires: set[Wire] = set()
        self._websockets: set[Websocket] = set()
        self._changed = asyncio.Event()
        self._cut_at: float | None = None  # By the loop's clock, once a shutdown has begun.

    @property
    def closing(self) -> bool:
        """True once a shutdown has begun."""
        return self._cut_at is not None

    def add(self, who: Principal, address: str, end: End) -> None:
        """Hold a websocket or stream; `end` is called when it must end. Raises Unavailable when there are too many, or
        in a shutdown, and RateLimited where the network of an anonymous caller has too many."""
        is_full = len(self._followers) >= self._settings.max_connections
        if self.closing or is_full or (who.credential is None and self._anonymous >= self._most_anonymous):
            raise Unavailable("This hub accepts no more connections now; try again.", retry_after=2)
        if who.credential is None:
            if not self._anonymous_by_network.add(address):
                most = self._settings.address_connections
                raise RateLimited(
                    f"Your network has {most} connections to this hub, its most; close one.", retry_after=10
                )
            self._anonymous += 1
        self._followers[end] = who

    def remove(self, address: str, end: End) -> None:
        """It has ended; `address` is the one it was added with."""
        if self._followers.pop(end).credential is None:
            self._anonymous -= 1
            self._anonymous_by_network.remove(address)
        self._changed.set()

    def open(self, wire: Wire) -> None:
        """Hold the transport of a request or handshake, until `release`."""
        self._wires.add(wire)

    def release(self, wire: Wire) -> None:
        """The request is over; a websocket that was taken over stays, until it is closed."""
        self._wires.discard(wire)
        self._changed.set()
        if wire.websocket is not None:
            wire.websocket.next_ping = asyncio.get_running_loop().time() + self._settings.ping_interval
            self._websockets.add(wire.websocket)

    def principals(self) -> set[Principal]:
        """Every principal with a connection."""
        # Most are the same few objects, and hashing one is dearer than comparing the ids of a thousand.
        return set({id(who): who for who in self._followers.values()}.values())

    def end(self, invalid: Iterable[Principal]) -> None:
        """The credentials of these principals are no longer valid."""
        gone = set(invalid)
        if not gone:
            return
        for end, who in tuple(self._followers.items()):
            if who in gone:
                end(EndReason.INVALID)

    async def check_all(self) -> None:
        """For ever: ping each websocket by when it was opened, so that pings don't come in bursts, and end whatever
        accepts no data. One timer for all."""
        loop, settings = asyncio.get_running_loop(), self._settings
        pause = min(settings.ping_interval / 4, settings.send_timeout / 4, MAX_CHECK_PAUSE_S)
        while True:
            await asyncio.sleep(pause)
            now = loop.time()
            for wire in tuple(self._wires):
                if wire.is_stalled(now):
                    wire.cut()
            for websocket in tuple(self._websockets):
                if websocket.disconnected:
                    self._websockets.discard(websocket)
                elif websocket.is_stalled(now, settings.send_timeout):
                    websocket.report_stalled()
                elif websocket.next_ping <= now:
                    websocket.next_ping = now + settings.ping_interval
                    websocket.ping()

    async def shut_down(self) -> None:
        """The one way to end them all: accept no new ones, end each in its own protocol, and cut what is still open
        four fifths of the shutdown timeout after the first call. Returns when nothing is open, or all is cut."""
        if self._cut_at is None:
            self._cut_at = asyncio.get_running_loop().time() + self._settings.shutdown_timeout * CUT_AFTER
            for end in tuple(self._followers):
                end(EndReason.SHUTDOWN)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._cut_at):
                while self._followers or self._wires:
                    self._changed.clear()
                    await self._changed.wait()
        for wire in tuple(self._wires):
            wire.cut()
        for websocket in tuple(self._websockets):
            websocket.cut()
