"""Publishers by hand, over HTTP and over a websocket: prepared bytes out, answers counted."""

import asyncio
import json
from collections.abc import Callable

from benchmarks.crowd import Failure
from benchmarks.frames import PING, PONG, TEXT, handshake, masked, whole_frames
from tests.support.ports import HOST

_ANSWER_WITHIN = 30.0
# What the protocol's example looks like: some 120 bytes as published, twice that with the envelope of the server.
BODY = "Nightly backup of db-1: 42.1 GiB in 3 min 12 s, 1,204 files changed, checksum verified, pruned 3 old ones."


def post(channel: str, body: bytes) -> bytes:
    """The request that publishes this body, for a connection that stays open."""
    head = f"POST /api/v1/channels/{channel}/updates HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class HttpPublisher(asyncio.Protocol):
    """One kept connection, one request at a time."""

    def __init__(self) -> None:
        self._data = b""
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport

    @classmethod
    async def connected(cls, port: int) -> "HttpPublisher":
        """Connected to the hub on that port."""
        _, publisher = await asyncio.get_running_loop().create_connection(cls, HOST, port)
        return publisher

    async def send(self, request: bytes) -> None:
        """Return when it was answered 201; raises Failure for anything else."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(_ANSWER_WITHIN):
            answer = await self._answer
        if not answer.startswith(b"HTTP/1.1 201"):
            raise Failure(f"A publish was answered {answer[:400]!r}")

    def close(self) -> None:
        """Nothing more to say."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Failure(f"The hub closed a publisher's connection ({error})."))

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        if end < 0 or self._answer is None or self._answer.done():
            return
        head = self._data[:end].lower()
        at = head.index(b"content-length:") + 15
        size = int(head[at:].partition(b"\r\n")[0])
        if len(self._data) >= end + 4 + size:
            answer, self._data = self._data, b""
            self._answer.set_result(answer)


class SocketPublisher(asyncio.Protocol):
    """One websocket that keeps `window` publishes on their way, for as long as it is given some."""

    def __init__(self, port: int, channel: str, window: int, take: Callable[[int], int]) -> None:
        """`take` is asked for so many and says how many may be published; after none, what is on its way is awaited."""
        message = {"type": "publish", "channel": channel, "update": {"body": BODY}}
        self.published = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._opening = handshake(HOST, port)
        self._frame = masked(json.dumps(message).encode())
        self._window, self._take = window, take
        self._sent = 0
        self._rest = b""
        self._open = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._opening)

    def connection_lost(self, error: Exception | None) -> None:
        self._end(f"the connection was lost ({error})")

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        begin = 0
        if not self._open:
            begin = data.find(b"\r\n\r\n") + 4
            if begin < 4:
                self._rest = data
                return
            self._open = True
            self._send(self._window)
            if not self._sent:
                self._end(None)
        answered = 0
        for kind, start, end in whole_frames(data, begin):
            begin = end
            if kind == TEXT:
                answered += data.count(b'"type":"published"', start, end)
                if data.find(b'"type":"error"', start, end) >= 0:
                    self._end(f"the hub answered {data[start:end]!r}")
            elif kind == PING:
                self._transport.write(masked(data[start:end], PONG))
        self._rest = data[begin:]
        self.published += answered
        self._send(answered)
        if answered and self.published == self._sent:
            self._end(None)

    def _send(self, most: int) -> None:
        if most and (count := self._take(most)):
            self._sent += count
            self._transport.write(self._frame * count)

    def _end(self, reason: str | None) -> None:
        if self.done.done():
            return
        if reason is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(Failure(f"A publisher failed: {reason}"))
        self._transport.close()
