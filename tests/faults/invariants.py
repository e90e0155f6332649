"""The invariants: what was answered 201 is stored once, and every watcher receives every seq once, in order."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import aiohttp

from tests.support.publisher import Publisher
from tests.support.watcher import Watcher

PAGE = 1000


async def history(url: str, channel: str = "lobby") -> list[dict[str, Any]]:
    """The whole log from the API, oldest first; after a 503 the request is repeated, for ten seconds."""
    log: list[dict[str, Any]] = []
    deadline = time.monotonic() + 10
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(url, timeout=timeout) as session:
        while True:
            after = log[-1]["seq"] if log else 0
            query = {"after": str(after), "limit": str(PAGE)}
            async with session.get(f"/api/v1/channels/{channel}/updates", params=query) as response:
                if response.status == 503 and time.monotonic() < deadline:
                    await asyncio.sleep(float(response.headers["Retry-After"]))
                    continue
                response.raise_for_status()
                answer = await response.json()
            log += answer["updates"]
            if answer["next_cursor"] is None:
                assert answer["last_seq"] == len(log), f"last_seq is {answer['last_seq']}, of {len(log)} updates"
                return log


def assert_stored(log: Sequence[dict[str, Any]], publishers: Sequence[Publisher]) -> None:
    """The log has no gap; each answered update has the seq of its answer; and none is stored twice."""
    assert [update["seq"] for update in log] == list(range(1, len(log) + 1))

    bodies = [update.get("body") for update in log]
    answered = {answer.seq: answer.body for publisher in publishers for answer in publisher.answered}
    assert {seq: bodies[seq - 1] for seq in answered} == answered
    assert len(answered) == sum(len(publisher.answered) for publisher in publishers)
    repeated = [body for body in set(bodies) if bodies.count(body) > 1] if len(set(bodies)) < len(bodies) else []
    assert not repeated, f"stored more than once: {repeated[:10]}"


def assert_seen(log: Sequence[dict[str, Any]], watchers: Sequence[Watcher]) -> None:
    """Each watcher received exactly the log, from the first update on, and was never reset."""
    for watcher in watchers:
        watcher.assert_whole(len(log))
        assert [update["id"] for update in watcher.updates] == [update["id"] for update in log], repr(watcher)
        assert watcher.resets == [], repr(watcher)
