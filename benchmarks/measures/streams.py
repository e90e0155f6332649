"""HTTP streams, busy and calm, beside websockets on the same hub."""

from benchmarks.arena import Arena, middle
from benchmarks.contestant import BATCHES, WEBSOCKET
from benchmarks.hub import streaming
from benchmarks.sitting import sitting
from benchmarks.table import Figures, Found

NAME = "streams"
_ACCEPT = {"SSE": "text/event-stream", "NDJSON": "application/x-ndjson"}


async def measure(arena: Arena) -> Found:
    """The CPU of one delivery by each."""
    rows: dict[str, Figures] = {}
    for ground in arena.grounds:
        async with ground.hub() as hub, sitting(hub) as sits:
            for title in ("websocket", *_ACCEPT):
                how = hub.watch if title == "websocket" else streaming(ground.token, _ACCEPT[title])
                await sits.watch(arena.sizes.watchers, ("live", 1), how=how)
                await sits.run(BATCHES, ("seconds", 0.3), ("most", arena.sizes.busy_updates))
                busy = [
                    await sits.run(BATCHES, ("seconds", arena.sizes.busy_seconds), ("most", arena.sizes.busy_updates))
                    for _ in range(min(2, arena.sizes.rounds))
                ]
                calm = await sits.run(WEBSOCKET, ("rate", 10), ("seconds", arena.sizes.calm_seconds))
                rows[f"{hub.name}, {title}"] = {
                    "deliveries/s": middle(busy, "rate"),
                    "busy, CPU µs each": middle(busy, "each"),
                    "calm, CPU µs each": calm.each,
                    "calm p99 ms": calm.p99,
                }
                await sits.leave()
    return Found(
        NAME,
        f"HTTP streams beside websockets, {arena.sizes.watchers} watchers",
        "Lower is better: busy is published in batches of 100 as fast as it goes, calm by websocket at 10 updates a "
        "second.",
        rows,
    )
