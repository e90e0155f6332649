"""A reliable publisher: it numbers its updates, repeats each until it is answered, and records the answers."""

import asyncio
import time
import uuid
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

TRY_WITHIN = 10.0  # seconds for one request


@dataclass(frozen=True, slots=True)
class Answer:
    """The hub's answer to one publish: `status` 201, or 200 if an earlier try was stored."""

    key: str
    body: str
    status: int
    seq: int
    tries: int


class Publisher:
    """Publishes to a channel as `async with Publisher(...)`, on one hub or on several: a failed try selects the next.

    Each update has its own idempotency key, the same on every try: `answered` lists the updates that the log has
    to hold exactly once.
    """

    def __init__(
        self, *urls: str, channel: str, token: str | None = None, name: str | None = None, within: float = 60
    ) -> None:
        self.name = name or uuid.uuid4().hex[:8]
        self.answered: list[Answer] = []
        self.failures: list[str] = []
        self._urls, self._path, self._within = urls, f"/api/v1/channels/{channel}/updates", within
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session: aiohttp.ClientSession | None = None
        self._count = 0
        self._url_index = 0

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=TRY_WITHIN, connect=5)
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    @property
    def seqs(self) -> list[int]:
        """The seqs of the answered updates, in the order of the answers."""
        return [answer.seq for answer in self.answered]

    async def publish(self, **fields: Any) -> Answer:
        """Publish one update, its body "NAME N" unless given; returns once it was answered 201 or 200.

        Lost connections, timeouts, 429 and 503 are tried again for `within` seconds; other answers fail.
        """
        self._count += 1
        key = f"{self.name}-{self._count}"
        update = {"body": f"{self.name} {self._count}", **fields}
        deadline, tries = time.monotonic() + self._within, 0
        while time.monotonic() < deadline:
            tries += 1
            if answer := await self._try(key, update, tries):
                self.answered.append(answer)
                return answer
            self._url_index += 1
            await asyncio.sleep(min(0.5, 0.02 * 2 ** min(tries, 6)))
        raise AssertionError(f"{key} was not answered within {self._within} s: {self.failures[-5:]}")

    async def publish_many(self, count: int, **fields: Any) -> list[Answer]:
        """Publish that many, one after the other."""
        return [await self.publish(**fields) for _ in range(count)]

    async def _try(self, key: str, update: dict[str, Any], tries: int) -> Answer | None:
        assert self._session is not None, "use it as `async with`"
        url = self._urls[self._url_index % len(self._urls)] + self._path
        try:
            async with self._session.post(url, json=update, headers={"Idempotency-Key": key}) as response:
                if response.status in (429, 503):
                    self.failures.append(f"{key}: {response.status}")
                    return None
                if response.status not in (200, 201):
                    raise AssertionError(f"{key}: {response.status} {await response.text()}")
                stored = await response.json()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.failures.append(f"{key}: {error!r}")
            return None
        return Answer(key, str(update["body"]), response.status, stored["seq"], tries)
