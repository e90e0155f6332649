"""A websocket client that sends and receives message by message, in order."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.support.watcher import WS_PATH

type Message = dict[str, Any]


class Talker:
    """One connection that receives only when the test calls a method."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self._received: deque[Message] = deque()

    async def send(self, *messages: Message) -> None:
        """Send the messages in one frame, one a line."""
        await self.socket.send_str("\n".join(json.dumps(message) for message in messages))

    async def receive(self, *, within: float = 10) -> Message:
        """Receive the next message of any type. Fails at a close."""
        if not self._received:
            frame = await self.socket.receive(timeout=within)
            assert frame.type is aiohttp.WSMsgType.TEXT, f"{frame} instead of a message"
            self._received.extend(json.loads(line) for line in frame.data.split("\n"))
        return self._received.popleft()

    async def receive_all(self, count: int, *, within: float = 10) -> list[Message]:
        """Receive the next `count` messages."""
        async with asyncio.timeout(within):
            return [await self.receive(within=within) for _ in range(count)]

    async def ask(self, message: Message, *, within: float = 10) -> Message:
        """Send the message and receive the next one, which is its answer if the hub sends nothing else."""
        await self.send(message)
        return await self.receive(within=within)

    async def receive_until(self, kind: str, *, within: float = 10) -> list[Message]:
        """Receive messages up to and including the next of that type."""
        received: list[Message] = []
        async with asyncio.timeout(within):
            while not received or received[-1]["type"] != kind:
                received.append(await self.receive(within=within))
        return received

    async def closed(self, *, within: float = 10) -> int | None:
        """Wait for the hub's close, skip messages before it, and return the close code."""
        async with asyncio.timeout(within):
            while (await self.socket.receive(timeout=within)).type is aiohttp.WSMsgType.TEXT:
                pass
        return self.socket.close_code


@asynccontextmanager
async def talking(
    url: str,
    *,
    token: str | None = None,
    ticket: str | None = None,
    protocols: Iterable[str] = ("tidewire.v1",),
    headers: Mapping[str, str] | None = None,
    welcomed: bool = True,
    **given: Any,
) -> AsyncIterator[Talker]:
    """A connection to the hub at `url`, after its welcome unless `welcomed` is False."""
    own = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
    query = f"?ticket={ticket}" if ticket else ""
    async with (
        aiohttp.ClientSession(headers=own) as session,
        session.ws_connect(url + WS_PATH + query, protocols=protocols, max_msg_size=0, **given) as socket,
    ):
        talker = Talker(socket)
        if welcomed:
            assert (await talker.receive())["type"] == "welcome"
        yield talker
