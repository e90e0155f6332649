"""The gate of searches: one of a network at a time, few of all, and a bound on what waits."""

import asyncio

import pytest

from app.errors import RateLimited
from app.runtime.search_gate import SearchGate


async def test_one_network_runs_one_at_a_time_and_the_others_pass() -> None:
    gate, running, order = SearchGate(), asyncio.Event(), list[str]()

    async def search(address: str) -> None:
        async with gate.search(address):
            order.append(address)
            await running.wait()

    async with asyncio.TaskGroup() as tasks:
        for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"):
            tasks.create_task(search(address))
        for _ in range(10):
            await asyncio.sleep(0)
        assert order == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
        running.set()

    assert sorted(order) == ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]


async def test_a_network_with_too_many_waiting_is_refused_and_again_let_through() -> None:
    gate, running = SearchGate(), asyncio.Event()

    async def search() -> None:
        async with gate.search("2001:db8::1"):
            await running.wait()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(search())
        await asyncio.sleep(0)
        with pytest.raises(RateLimited):
            async with gate.search("2001:db8::2"):
                pass
        running.set()
    async with gate.search("2001:db8::2"):
        pass
