"""A disk that is full: publishers are refused, the log and /readyz name the cause, and it ends by itself."""

import asyncio
import resource
from pathlib import Path

import aiohttp

from tests.support.process import hub_process


async def test_a_full_disk_is_named_and_its_end_is_noticed(tmp_path: Path) -> None:
    async with hub_process(tmp_path, {}) as hub, aiohttp.ClientSession(hub.url) as http:
        assert await publish(http) == 201
        # SQLite's write-ahead log can't grow any more; nothing else that the hub writes is as large.
        size = (tmp_path / "data" / "tidewire.db-wal").stat().st_size
        _, hard = resource.prlimit(hub.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(hub.pid, resource.RLIMIT_FSIZE, (size, hard))
        try:
            refused = [await publish(http) for _ in range(20)]
            async with asyncio.timeout(5):
                # The answer from before is kept for half a second.
                while (state := await ready(http))["status"] == "ok":  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
            async with http.get("/metrics") as answer:
                metrics = await answer.text()
            log = hub.log
        finally:
            resource.prlimit(hub.pid, resource.RLIMIT_FSIZE, (hard, hard))
        again = await publish(http)
        state_again = await ready(http)

    assert (set(refused), again, state_again["status"]) == ({503}, 201, "ok")
    assert state["database"].startswith("The database's disk") and str(tmp_path) not in str(state)
    assert log.count("tidewire.database: The database's disk") == 1, log
    assert 'tidewire_publishes_failed_total{reason="disk"}' in metrics
    assert "Publishes are stored again" in hub.log


async def publish(http: aiohttp.ClientSession) -> int:
    async with http.post("/api/v1/channels/lobby/updates", json={"body": "hello"}) as answer:
        return answer.status


async def ready(http: aiohttp.ClientSession) -> dict[str, str]:
    async with http.get("/readyz") as answer:
        state: dict[str, str] = await answer.json()
        assert answer.status == (200 if state["status"] == "ok" else 503)
        return state
