"""The herd: everybody comes back at once, as after a restart, and has missed the same updates."""

import json
import time

from benchmarks.crowd import Crowd
from benchmarks.load import DRAIN_WITHIN, Load
from benchmarks.place import CHANNEL, Ground, Running
from benchmarks.publishers import BODY, HttpPublisher, post
from benchmarks.table import Cases

NAME = "herd"
TITLE = "Resuming at once: connected watchers ask for all that they missed"
READING = (
    "Lower is better: from the first request to the moment when the last watcher has its last update; CPU is the "
    "hub's, per update handed out."
)
_BATCH = 100


async def measure(ground: Ground, load: Load) -> Cases:
    """Seconds until everybody has everything."""
    async with ground.hub() as hub:
        async with Crowd(hub.port, 1, CHANNEL) as scout:
            last = await scout.subscribe()
            epoch = scout.epoch
            await _publish(hub, load.herd_behind)
            await scout.reach(last + load.herd_behind, DRAIN_WITHIN)
        async with Crowd(hub.port, load.herd_watchers, CHANNEL) as crowd:
            await hub.meter.settle()
            cpu, began = hub.meter.cpu(), time.perf_counter()
            crowd.resume(last, epoch)
            await crowd.reach(last + load.herd_behind, DRAIN_WITHIN)
            took, cpu = crowd.finished - began, hub.meter.cpu() - cpu
            return {
                f"{load.herd_watchers} watchers, {load.herd_behind} updates behind": {
                    "seconds": took,
                    "CPU µs each": cpu / crowd.delivered * 1e6,
                }
            }


async def _publish(hub: Running, count: int) -> None:
    publisher = await HttpPublisher.connected(hub.port)
    for begin in range(0, count, _BATCH):
        updates = [{"body": BODY}] * min(_BATCH, count - begin)
        await publisher.send(post(CHANNEL, json.dumps({"updates": updates}).encode()))
    publisher.close()
