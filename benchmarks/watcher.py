"""A watcher: it counts updates by scanning bytes, and knows at once when one is missing, doubled or out of order."""

import asyncio
import json
import re
import time
from typing import Protocol

from benchmarks.frames import CLOSE, PING, PONG, TEXT, BrokenFrame, masked, whole_frames

_UPDATE = b'"type":"update"'
_SEQ = b',"seq":'
_SEQS = re.compile(rb',"seq":(\d+)')
_STAMPS = re.compile(rb'"ts":(\d+)')


class Audience(Protocol):
    """Who keeps count of a crowd of watchers."""

    def on_welcome(self) -> None:
        """A watcher's connection is open."""

    def on_subscribed(self, epoch: str) -> None:
        """A watcher's subscription is confirmed."""

    def on_updates(self, before: int, seq: int, count: int) -> None:
        """A watcher has got from `before` to `seq`."""

    def on_delays(self, delays: list[int]) -> None:
        """So many nanoseconds each took from its publisher to a watcher."""

    def on_failure(self, reason: str) -> None:
        """A watcher has lost an update, or its connection."""


class Watcher(asyncio.Protocol):
    """One websocket that follows one channel, from now or from a position."""

    def __init__(self, audience: Audience, opening: bytes, *, thorough: bool, timed: bool) -> None:
        """`thorough` reads every seq instead of the first, the last and the number of those in a frame; `timed` takes
        the time of every update whose data has a `ts`."""
        self.seq = 0
        self._audience = audience
        self._opening = opening
        self._thorough = thorough
        self._timed = timed
        self._rest = b""
        self._open = self._leaving = self._subscribed = False
        self._from_now = True
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._opening)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._leaving:
            self._fail(f"the hub closed the connection ({error or 'no error'})")

    def subscribe(self, channel: str, after: int | None = None, epoch: str | None = None) -> None:
        """Ask for what comes from now on, or for all that follows a position."""
        message: dict[str, object] = {"type": "subscribe", "channel": channel}
        if after is not None:
            message |= {"after": after, "epoch": epoch}
            self.seq, self._from_now = after, False
        self._transport.write(masked(json.dumps(message).encode()))

    def leave(self) -> None:
        """Close without a word."""
        self._leaving = True
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns() if self._timed else 0
        data = self._rest + data if self._rest else data
        begin = 0
        if not self._open:
            begin = data.find(b"\r\n\r\n") + 4
            if begin < 4:
                self._rest = data
                return
            if not data.startswith(b"HTTP/1.1 101 "):
                self._fail(f"the handshake was answered {data[:100]!r}")
                return
            self._open = True
        try:
            for kind, start, end in whole_frames(data, begin):
                begin = end
                if kind == TEXT:
                    self._take(data, start, end, now)
                elif kind == PING:
                    self._transport.write(masked(data[start:end], PONG))
                elif kind == CLOSE:
                    self._fail(f"the hub closed with {data[start:end]!r}")
        except (BrokenFrame, ValueError) as error:
            self._fail(repr(error))
        self._rest = data[begin:]

    def _take(self, data: bytes, start: int, end: int, now: int) -> None:
        count = data.count(_UPDATE, start, end)
        if not count or data.count(b"\n", start, end) != count - 1:
            for line in data[start:end].split(b"\n"):  # Not updates alone: line by line.
                if _UPDATE in line:
                    self._advance(1, _seq(line, 0), _seq(line, 0))
                else:
                    self._hear(json.loads(line))
            return
        if self._thorough:
            seqs = [int(seq) for seq in _SEQS.findall(data, start, end)]
            if seqs != list(range(self.seq + 1, self.seq + count + 1)):
                self._fail(f"after {self.seq} came {seqs[:20]}")
        self._advance(count, _seq(data, start), _seq(data, data.rindex(_UPDATE, start, end)))
        if self._timed:
            self._audience.on_delays([now - int(stamp) for stamp in _STAMPS.findall(data, start, end)])

    def _advance(self, count: int, first: int, last: int) -> None:
        before = self.seq
        if not self._subscribed or first != before + 1 or last != before + count:
            self._fail(f"after {before} came {count} updates, {first} to {last}")
            return
        self.seq = last
        self._audience.on_updates(before, last, count)

    def _hear(self, message: dict[str, object]) -> None:
        match message:
            case {"type": "welcome"}:
                self._audience.on_welcome()
            case {"type": "subscribed", "seq": int(seq), "epoch": str(epoch), "resumed": True}:
                self._subscribed = True
                self.seq = seq if self._from_now else self.seq
                self._audience.on_subscribed(epoch)
            case _:
                self._fail(f"the hub said {message}")

    def _fail(self, reason: str) -> None:
        if not self._leaving:
            self._audience.on_failure(reason)
            self.leave()


def _seq(data: bytes, start: int) -> int:
    at = data.index(_SEQ, start) + len(_SEQ)
    return int(data[at : data.index(b",", at)])
