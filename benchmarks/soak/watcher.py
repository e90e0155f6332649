"""A watcher as light as Python can have it: it checks that each update arrives once and in order, also over losses.

The load generator in C has one channel and ends at the first loss of a connection; here both are the subject.
"""

import asyncio
import os
import struct
import time
from dataclasses import dataclass, field

from benchmarks.failure import Failure

_TEXT, _CLOSE, _PING, _PONG = 0x81, 8, 9, 10
_HANDSHAKE = (
    b"GET /api/v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: tidewire.v1\r\n\r\n"
)
_SAMPLED = 97  # Of so many updates the delay of one is kept.


def frame(first: int, payload: bytes) -> bytes:
    """A client's frame. A mask of zeros leaves the payload as it is (RFC 6455, 5.3)."""
    size = len(payload)
    head = struct.pack("!BB", first, 0x80 | size) if size < 126 else struct.pack("!BBH", first, 0xFE, size)
    return head + bytes(4) + payload


class Socket(asyncio.Protocol):
    """One websocket's handshake and frames; `message` gets each line of text."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self._buffer = b""
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(_HANDSHAKE)

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data
        if not self._is_open:
            head, end, rest = data.partition(b"\r\n\r\n")
            if not end:
                self._buffer = data
                return
            if not head.startswith(b"HTTP/1.1 101 "):
                raise Failure(f"a handshake was answered {head[:80]!r}")
            self._is_open, data = True, rest
            self.opened()
        at, size = 0, len(data)
        while size - at >= 2:
            length, start = data[at + 1], at + 2
            if length == 126:
                length, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
            elif length == 127:
                length, start = int.from_bytes(data[at + 2 : at + 10]), at + 10
            if size - start < length:
                break
            self._frame(data[at] & 0xF, data[start : start + length])
            at = start + length
        self._buffer = data[at:]

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING:
            self.transport.write(frame(0x80 | _PONG, payload))
        elif opcode == _CLOSE:
            raise Failure(f"the hub closed a websocket: {payload!r}")
        else:
            for line in payload.split(b"\n"):
                self.message(line)

    def opened(self) -> None:
        """The handshake is done."""

    def message(self, line: bytes) -> None:
        """One message of the hub's."""

    def send(self, text: str) -> None:
        """Send one message."""
        self.transport.write(frame(_TEXT, text.encode()))


@dataclass(slots=True)
class Tally:
    """What all clients together have seen."""

    stored: dict[str, int] = field(default_factory=dict)  # The newest seq of each channel that the hub confirmed.
    delivered: int = 0
    delays: list[float] = field(default_factory=list)  # In seconds; of one delivery in some.
    failure: Failure | None = None  # The first.

    def fail(self, what: str) -> None:
        """Note it, unless another was the first."""
        self.failure = self.failure or Failure(what)


class Watcher(Socket):
    """Follows one channel from its position. `seq` is the last received; a gap or a repetition is a failure."""

    def __init__(self, tally: Tally, channel: str, seq: int | None = None, epoch: str = "") -> None:
        """From `seq` of `epoch` on; from now on without one."""
        super().__init__()
        self._tally = tally
        self.channel, self.seq, self.epoch = channel, seq, epoch
        self.subscribed = asyncio.get_running_loop().create_future()

    def opened(self) -> None:
        after = f',"after":{self.seq},"epoch":"{self.epoch}"' if self.seq is not None else ""
        self.send(f'{{"type":"subscribe","channel":"{self.channel}"{after}}}')

    def message(self, line: bytes) -> None:
        if line.startswith(b'{"type":"update",'):
            at = line.index(b'"seq":') + 6
            seq = int(line[at : line.index(b",", at)])
            if self.seq is None or seq != self.seq + 1:
                raise Failure(f"{self.channel}: {seq} came after {self.seq}")
            self.seq = seq
            self._tally.delivered += 1
            if self._tally.delivered % _SAMPLED == 0:
                at = line.index(b'"body":"') + 8
                self._tally.delays.append((time.monotonic_ns() - int(line[at : line.index(b'"', at)])) / 1e9)
        elif line.startswith(b'{"type":"subscribed",'):
            self._confirm(line)
        elif not line.startswith((b'{"type":"welcome",', b'{"type":"published",')):
            raise Failure(f"{self.channel}: {line[:200]!r}")

    def _confirm(self, line: bytes) -> None:
        at = line.index(b'"epoch":"') + 9
        self.epoch = line[at : line.index(b'"', at)].decode()
        if self.seq is None:
            at = line.index(b'"seq":') + 6
            self.seq = int(line[at:].partition(b",")[0].rstrip(b"}"))
        elif b'"resumed":true' not in line:
            raise Failure(f"{self.channel}: not resumed after {self.seq}: {line[:200]!r}")
        if not self.subscribed.done():
            self.subscribed.set_result(None)

    def data_received(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except (Failure, ValueError) as error:
            self._tally.fail(str(error))
            self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.subscribed.done():
            self.subscribed.set_exception(Failure(f"a watcher of {self.channel} lost its connection: {error}"))

    def leave(self) -> None:
        """End the connection, every second time without a word to the hub, as a phone in a tunnel does."""
        if os.urandom(1)[0] & 1:
            self.transport.abort()
        else:
            self.transport.close()


class Publisher(Socket):
    """Publishes by websocket."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.ready = asyncio.Event()
        self.unanswered = 0
        self._tally = tally

    def opened(self) -> None:
        self.ready.set()

    def publish(self, channel: str) -> None:
        """Publish the present time."""
        self.unanswered += 1
        update = f'{{"body":"{time.monotonic_ns()}","level":"info"}}'
        self.send(f'{{"type":"publish","ref":1,"channel":"{channel}","update":{update}}}')

    def message(self, line: bytes) -> None:
        if line.startswith(b'{"type":"published",'):
            self.unanswered -= 1
            at = line.index(b'"channel":"') + 11
            channel = line[at : line.index(b'"', at)].decode()
            at = line.index(b'"seq":') + 6
            stored = self._tally.stored
            stored[channel] = max(stored.get(channel, 0), int(line[at : line.index(b",", at)]))
        elif not line.startswith(b'{"type":"welcome",'):
            self._tally.fail(f"a publish was answered {line[:200]!r}")
