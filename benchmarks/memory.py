"""What an idle watcher holds of the hub's memory, and what it costs to let it in."""

from benchmarks.crowd import Crowd
from benchmarks.load import Load
from benchmarks.place import CHANNEL, Ground
from benchmarks.table import Cases

NAME = "memory"
TITLE = "An idle watcher, by websocket, compression offered as browsers do"
READING = (
    "Lower is better: resident memory of the hub and its CPU time, per watcher added to 100 that were there already; "
    "1 kB is 1,000 bytes."
)
_EARLIER = 100


async def measure(ground: Ground, load: Load) -> Cases:
    """Kilobytes a watcher, and the CPU of handshake and subscription."""
    # The first ones pay for what is loaded late and for the allocator's first arenas, and are no watcher's own cost.
    async with ground.hub() as hub, Crowd(hub.port, _EARLIER, CHANNEL) as earlier:
        await earlier.subscribe()
        await hub.meter.settle()
        resident, cpu = hub.meter.memory(), hub.meter.cpu()
        async with Crowd(hub.port, load.idle_watchers, CHANNEL) as crowd:
            await crowd.subscribe()
            cpu = hub.meter.cpu() - cpu
            await hub.meter.settle()
            resident = hub.meter.memory() - resident
            return {
                f"{load.idle_watchers} watchers": {
                    "kB each": resident / load.idle_watchers / 1000,
                    "CPU µs to connect one": cpu / load.idle_watchers * 1e6,
                }
            }
