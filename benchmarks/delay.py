"""Publish to receive: how long an update is on its way when the hub is not busy."""

import asyncio
import json
import statistics
import time

from benchmarks.crowd import Crowd
from benchmarks.load import DRAIN_WITHIN, Load
from benchmarks.place import CHANNEL, Ground
from benchmarks.publishers import BODY, HttpPublisher, post
from benchmarks.table import Cases

NAME = "delay"
TITLE = "Publish to receive, at 10 publishes a second over HTTP"
READING = (
    "Lower is better: from just before the request is sent to an update's arrival at each watcher, the commit "
    "included, and the time in which the one client process reads those before it."
)
_PAUSE = 0.1
_WARM_UP = 5


async def measure(ground: Ground, load: Load) -> Cases:
    """The median and the 99th percentile over every delivery."""
    async with ground.hub() as hub, Crowd(hub.port, load.paced_watchers, CHANNEL, timed=True) as crowd:
        first = await crowd.subscribe()
        publisher = await HttpPublisher.connected(hub.port)
        await _publish(publisher, _WARM_UP)  # These pay for what is loaded late.
        await crowd.reach(first + _WARM_UP, DRAIN_WITHIN)
        await hub.meter.settle()
        crowd.delays.clear()
        cpu, before = hub.meter.cpu(), crowd.delivered
        await _publish(publisher, load.paced_updates)
        await crowd.reach(first + _WARM_UP + load.paced_updates, DRAIN_WITHIN)
        cpu, delivered = hub.meter.cpu() - cpu, crowd.delivered - before
        publisher.close()
        percentiles = statistics.quantiles(crowd.delays, n=100)
        return {
            f"{load.paced_watchers} watchers": {
                "p50 ms": percentiles[49] / 1e6,
                "p99 ms": percentiles[98] / 1e6,
                "CPU µs each": cpu / delivered * 1e6,
            }
        }


async def _publish(publisher: HttpPublisher, count: int) -> None:
    due = time.perf_counter()
    for _ in range(count):
        body = {"body": BODY, "data": {"ts": time.monotonic_ns()}}
        await publisher.send(post(CHANNEL, json.dumps(body, separators=(",", ":")).encode()))
        due += _PAUSE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
