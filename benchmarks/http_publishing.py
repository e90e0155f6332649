"""Publishing over HTTP: one update a request, on connections that stay open."""

import asyncio
import json
import time

from benchmarks.load import Load
from benchmarks.place import CHANNEL, Ground, Running
from benchmarks.publishers import BODY, HttpPublisher, post
from benchmarks.table import Cases, Figures

NAME = "http"
TITLE = "Publishing over HTTP, one update a request, nobody watching"
READING = (
    "Publishes/s higher, CPU lower is better: CPU is the hub's own per answered publish, from the socket to the commit "
    "and back, without PostgreSQL's."
)


async def measure(ground: Ground, load: Load) -> Cases:
    """Publishes a second, and what one costs, for 1 and 50 connections."""
    async with ground.hub() as hub:
        await _publish(hub, 10, 0.2)  # The first requests pay for what is loaded late.
        return {
            f"{callers} publisher{'s' * (callers > 1)}": await _publish(hub, callers, load.publish_seconds)
            for callers in (1, 50)
        }


async def _publish(hub: Running, callers: int, seconds: float) -> Figures:
    request = post(CHANNEL, json.dumps({"body": BODY}).encode())
    publishers = [await HttpPublisher.connected(hub.port) for _ in range(callers)]
    counts = [0] * callers
    await hub.meter.settle()
    cpu, began = hub.meter.cpu(), time.perf_counter()

    async def call(index: int) -> None:
        while time.perf_counter() - began < seconds:
            await publishers[index].send(request)
            counts[index] += 1

    await asyncio.gather(*(call(index) for index in range(callers)))
    took, cpu = time.perf_counter() - began, hub.meter.cpu() - cpu
    for publisher in publishers:
        publisher.close()
    return {"publishes/s": sum(counts) / took, "CPU µs each": cpu / sum(counts) * 1e6}
