"""A websocket client that always reconnects: it resumes from its position after any loss."""

import asyncio
import contextlib
import json
import random
import ssl
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.support.connector import Connector

WS_PATH = "/api/v1/ws"
HANDSHAKE_WITHIN = 10.0
SILENCE_WITHIN = 60.0  # seconds without a frame or a ping of the hub after which the connection counts as lost

type Message = dict[str, Any]


class Watcher:
    """Follows one channel as `async with Watcher(...)`, on one hub, or on several, of which each loss selects the next.

    `seqs` holds every received seq in order, repeats included, so that tests check exactly what was sent.
    """

    def __init__(
        self,
        *urls: str,
        channel: str,
        token: str | None = None,
        after: int | None = 0,
        epoch: str | None = None,
        resume: bool = True,
        trust: ssl.SSLContext | bool = True,
    ) -> None:
        """`after=None` watches live from now; with `resume=False` the first loss is the end."""
        self.channel, self.after, self.epoch = channel, after, epoch
        self._urls, self._token, self._resume, self._trust = urls, token, resume, trust
        self.updates: list[Message] = []
        self.seqs: list[int] = []
        self.subscribed: list[Message] = []
        self.resets: list[Message] = []
        self.other: list[Message] = []
        self.closes: list[int | None] = []
        self.errors: list[str] = []
        self.connections = 0
        self._changed = asyncio.Condition()
        self._ended = False
        self._task: asyncio.Task[None] | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def live(self, *, times: int = 1, within: float = 10) -> Message:
        """Wait until the hub has confirmed that many subscriptions in all; return the last confirmation."""
        await self._until(lambda: len(self.subscribed) >= times, within, f"{times} subscription(s)")
        return self.subscribed[-1]

    async def seen(self, seq: int, *, within: float = 10) -> None:
        """Wait until the update numbered `seq` was received."""
        await self._until(lambda: bool(self.seqs) and max(self.seqs) >= seq, within, f"seq {seq}")

    async def update(self, seq: int, *, within: float = 10) -> Message:
        """Wait for the update numbered `seq` and return it."""
        await self.seen(seq, within=within)
        return next(update for update in self.updates if update["seq"] == seq)

    async def message(self, kind: str, *, within: float = 10) -> Message:
        """Wait for the first message of that type, which is not an update, and return it."""
        await self._until(lambda: any(m["type"] == kind for m in self.other), within, f"a {kind!r}")
        return next(message for message in self.other if message["type"] == kind)

    async def closed(self, *, times: int = 1, within: float = 10) -> int | None:
        """Wait until that many connections have ended in all; return the last close code, None without one."""
        await self._until(lambda: len(self.closes) >= times, within, f"{times} close(s)")
        return self.closes[-1]

    async def send(self, message: Message) -> None:
        """Send another message on the current connection, such as a presence request."""
        assert self._socket is not None and not self._socket.closed, "not connected"
        await self._socket.send_str(json.dumps(message))

    def assert_whole(self, last: int, *, first: int = 1) -> None:
        """Check that every seq from `first` to `last` was received once and in order, and no other."""
        expected = list(range(first, last + 1))
        missing, repeated = set(expected) - set(self.seqs), len(self.seqs) - len(set(self.seqs))

        assert self.seqs == expected, f"missing {sorted(missing)[:20]}, repeated {repeated}: {self}"

    def __repr__(self) -> str:
        return (
            f"<Watcher of {self.channel}: {len(self.seqs)} updates, the last {self.seqs[-5:]}, connected "
            f"{self.connections} times, closes {self.closes[-5:]}, resets {self.resets[-3:]}, "
            f"errors {self.errors[-3:]}>"
        )

    async def _until(self, holds: Callable[[], bool], within: float, what: str) -> None:
        try:
            async with asyncio.timeout(within), self._changed:
                await self._changed.wait_for(lambda: holds() or self._ended)
        except TimeoutError:
            raise AssertionError(f"no {what} within {within} s: {self!r}") from None
        assert holds(), f"no {what}, and the watcher has ended: {self!r}"

    async def _notify_change(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _run(self) -> None:
        url_index, tries = 0, 0
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            async with aiohttp.ClientSession(headers=headers, connector=Connector(self._trust)) as session:
                while True:
                    before = len(self.subscribed)
                    try:
                        await self._watch_once(session, self._urls[url_index % len(self._urls)])
                    except (aiohttp.ClientError, OSError, TimeoutError) as error:
                        self.errors.append(repr(error))
                    await self._notify_change()
                    if not self._resume:
                        return
                    tries = 0 if len(self.subscribed) > before else tries + 1
                    url_index += 1
                    await asyncio.sleep(min(1.0, 0.05 * 2 ** min(tries, 5)) * (0.5 + random.random() / 2))
        finally:
            self._ended = True
            await self._notify_change()

    async def _watch_once(self, session: aiohttp.ClientSession, url: str) -> None:
        async with asyncio.timeout(HANDSHAKE_WITHIN):
            socket = await session.ws_connect(
                url + WS_PATH, protocols=["tidewire.v1"], max_msg_size=0, autoping=True, heartbeat=None
            )
        self.connections += 1
        self._socket = socket
        try:
            await socket.send_str(json.dumps(self._subscription()))
            while True:
                frame = await socket.receive(timeout=SILENCE_WITHIN)
                if frame.type is not aiohttp.WSMsgType.TEXT:
                    break
                for line in frame.data.split("\n"):
                    self._take(json.loads(line))
                await self._notify_change()
        finally:
            # aiohttp reports 1006 for a connection that broke without a close frame.
            code = socket.close_code
            self.closes.append(None if code == 1006 else code)
            # Bounded, because the other end may not answer.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await socket.close()

    def _subscription(self) -> Message:
        message: Message = {"type": "subscribe", "ref": self.connections, "channel": self.channel}
        if self.after is not None:
            message["after"] = self.after
            if self.epoch is not None:
                message["epoch"] = self.epoch
        return message

    def _take(self, message: Message) -> None:
        match message["type"]:
            case "update":
                self.updates.append(message)
                self.seqs.append(message["seq"])
                self.after, self.epoch = message["seq"], message["epoch"]
            case "subscribed":
                self.subscribed.append(message)
                if self.after is None:
                    self.after, self.epoch = message["seq"], message["epoch"]
                elif message["resumed"]:
                    self.epoch = message["epoch"]
            case "reset":
                self.resets.append(message)
                self.after, self.epoch = message["first"] - 1, message["epoch"]
            case _:
                self.other.append(message)


async def all_seen(watchers: Sequence[Watcher], seq: int, *, within: float = 30) -> None:
    """Wait until each of them has received the update numbered `seq`."""
    async with asyncio.TaskGroup() as tasks:
        for watcher in watchers:
            tasks.create_task(watcher.seen(seq, within=within))
