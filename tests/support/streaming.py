"""A client of the HTTP stream that reads block by block or line by line."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

type Message = dict[str, Any]


class Stream:
    """An open stream."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def block(self, *, within: float = 10) -> dict[str, str]:
        """The next block of server-sent events, its fields by name; a comment is the field without a name."""
        text = (await self._until(b"\n\n", within)).decode()
        return dict(_field(line) for line in text.rstrip("\n").split("\n"))

    async def event(self, *, within: float = 10) -> tuple[str, str | None, Message]:
        """The next event: its name, its id, and its data decoded."""
        block = await self.block(within=within)
        return block["event"], block.get("id"), msgspec.json.decode(block["data"])

    async def line(self, *, within: float = 10) -> bytes:
        """The next line, without its end."""
        return (await self._until(b"\n", within))[:-1]

    async def message(self, *, within: float = 10) -> Message:
        """The next line, decoded."""
        found: Message = msgspec.json.decode(await self.line(within=within))
        return found

    async def rest(self, *, within: float = 10) -> bytes:
        """All bytes until the hub ends the stream, which has to be a complete end."""
        async with asyncio.timeout(within):
            return await self.answer.content.read()

    async def _until(self, end: bytes, within: float) -> bytes:
        async with asyncio.timeout(within):
            found = await self.answer.content.readuntil(end)
        assert found.endswith(end), f"the stream ended after {found!r}"
        return found


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")


@asynccontextmanager
async def streaming(
    url: str, path: str = "/api/v1/channels/ci/stream", *, token: str | None = None, **headers: str
) -> AsyncIterator[Stream]:
    """Open the stream at that path; the status has to be 200. Underscores in `headers` stand for hyphens."""
    given: Mapping[str, str] = {name.replace("_", "-"): value for name, value in headers.items()}
    own = {**({"Authorization": f"Bearer {token}"} if token else {}), **given}
    timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
    async with (
        aiohttp.ClientSession(timeout=timeout, headers=own) as session,
        session.get(url + path) as answer,
    ):
        assert answer.status == 200, (answer.status, await answer.text())
        yield Stream(answer)
