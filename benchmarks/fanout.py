"""Fan-out at full speed: what is published as fast as the hub takes it reaches every watcher, whole."""

import asyncio
import json
import time

from benchmarks.crowd import Crowd
from benchmarks.load import DRAIN_WITHIN, Load
from benchmarks.place import CHANNEL, Ground, Running
from benchmarks.publishers import BODY, HttpPublisher, SocketPublisher, post
from benchmarks.table import Cases, Figures
from tests.support.ports import HOST

NAME = "fanout"
TITLE = "Fan-out at full speed, websocket watchers of one channel"
READING = (
    "Deliveries/s higher, CPU lower is better: a delivery is one update at one watcher, and its CPU is all that the "
    "hub used, publishing included, which is why a lone watcher looks dear."
)
_BATCH = 100
_SOCKETS, _WINDOW = 4, 100


async def measure(ground: Ground, load: Load) -> Cases:
    """Deliveries a second, and what one costs, published by websocket and by HTTP batches."""
    cases: Cases = {}
    async with ground.hub() as hub:
        for watchers in load.watchers:
            for way, publish in (("websocket", _by_websocket), ("batches of 100", _by_batches)):
                case = f"{watchers} watcher{'s' * (watchers > 1)}, published by {way}"
                async with Crowd(hub.port, watchers, CHANNEL) as crowd:
                    first = await crowd.subscribe()
                    await hub.meter.settle()
                    cpu, began = hub.meter.cpu(), time.perf_counter()
                    published = await publish(hub, _Budget(load))
                    await crowd.reach(first + published, DRAIN_WITHIN)
                    took, cpu = crowd.finished - began, hub.meter.cpu() - cpu
                    cases[case] = _figures(crowd.delivered, took, cpu)
                await hub.meter.settle()
    return cases


def _figures(delivered: int, took: float, cpu: float) -> Figures:
    return {"deliveries/s": delivered / took, "CPU µs each": cpu / delivered * 1e6}


class _Budget:
    """How many may still be published: bounded in number and in time."""

    def __init__(self, load: Load) -> None:
        self._left = load.fanout_updates
        self._end = time.perf_counter() + load.fanout_seconds

    def take(self, most: int) -> int:
        """As many of these as there are left; none when the time is over."""
        if time.perf_counter() > self._end:
            return 0
        count = min(most, self._left)
        self._left -= count
        return count


async def _by_websocket(hub: Running, budget: _Budget) -> int:
    loop = asyncio.get_running_loop()
    publishers = [SocketPublisher(hub.port, CHANNEL, _WINDOW, budget.take) for _ in range(_SOCKETS)]
    for publisher in publishers:
        await loop.create_connection(lambda own=publisher: own, HOST, hub.port)  # type: ignore[misc]
    await asyncio.wait_for(asyncio.gather(*(publisher.done for publisher in publishers)), DRAIN_WITHIN)
    return sum(publisher.published for publisher in publishers)


async def _by_batches(hub: Running, budget: _Budget) -> int:
    publisher = await HttpPublisher.connected(hub.port)
    published = 0
    try:
        while (count := budget.take(_BATCH)) > 0:
            await publisher.send(post(CHANNEL, json.dumps({"updates": [{"body": BODY}] * count}).encode()))
            published += count
    finally:
        publisher.close()
    return published
