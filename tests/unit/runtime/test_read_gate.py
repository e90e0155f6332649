"""The gate of reads: those of one network in turns, with a pause after a large one, and a bound on what waits."""

import asyncio

import pytest

from app.config import Settings
from app.errors import RateLimited
from app.runtime.read_gate import ReadGate

LARGE = 2**20


async def test_one_network_reads_one_at_a_time_and_the_others_pass() -> None:
    gate, running, order = ReadGate(Settings()), asyncio.Event(), list[str]()

    async def read(address: str) -> None:
        async with gate.read(address):
            order.append(address)
            await running.wait()

    async with asyncio.TaskGroup() as tasks:
        for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
            tasks.create_task(read(address))
        for _ in range(10):
            await asyncio.sleep(0)
        assert order == ["192.0.2.1", "192.0.2.2"]
        running.set()

    assert sorted(order) == ["192.0.2.1", "192.0.2.1", "192.0.2.2"]


@pytest.mark.parametrize(
    ("size", "expected"), [(LARGE, ["small", "other", "next"]), (1000, ["small", "next", "other"])]
)
async def test_after_a_large_answer_its_network_pauses(size: int, expected: list[str]) -> None:
    gate, order = ReadGate(Settings()), list[str]()

    async def read(name: str, address: str, size: int) -> None:
        async with gate.read(address) as sized:
            order.append(name)
            sized(size)

    await read("small", "2001:db8::1", size)
    await asyncio.gather(read("next", "2001:db8::2", 0), read("other", "192.0.2.2", 0))

    assert order == expected


async def test_a_network_with_too_many_waiting_is_refused_and_again_let_through() -> None:
    gate, running = ReadGate(Settings()), asyncio.Event()

    async def read() -> None:
        async with gate.read("192.0.2.1"):
            await running.wait()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(100):
            tasks.create_task(read())
        await asyncio.sleep(0)
        with pytest.raises(RateLimited):
            async with gate.read("192.0.2.1"):
                pass
        running.set()
    async with gate.read("192.0.2.1"):
        pass


async def test_whoever_waits_too_long_is_refused_and_leaves_the_turn_to_the_others() -> None:
    gate = ReadGate(Settings(query_timeout=0.1))
    async with gate.read("192.0.2.1"):
        with pytest.raises(RateLimited):
            async with gate.read("192.0.2.1"):
                pass
    async with gate.read("192.0.2.1") as sized:
        sized(100 * LARGE)
    with pytest.raises(RateLimited):  # In the pause, too.
        async with gate.read("192.0.2.1"):
            pass
    async with gate.read("192.0.2.2"):
        pass


async def test_a_read_that_fails_or_is_cancelled_gives_its_turn_back() -> None:
    gate = ReadGate(Settings())
    with pytest.raises(ValueError, match="broken"):
        async with gate.read("192.0.2.1"):
            raise ValueError("broken")
    async with gate.read("192.0.2.1"):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0), gate.read("192.0.2.1"):
                pass

    async with gate.read("192.0.2.1"):
        pass


async def test_without_rate_limits_all_pass() -> None:
    gate = ReadGate(Settings(rate_limits=False))

    async with gate.read("192.0.2.1"), gate.read("192.0.2.1"):
        pass
