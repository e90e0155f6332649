"""HTTP streams beside websockets on the same hub, at full speed and at a low rate."""

from benchmarks.hub_protocol import stream
from benchmarks.run import Run, median_of
from benchmarks.server import BATCHES, WEBSOCKET
from benchmarks.session import open_session
from benchmarks.table import Figures, Report

NAME = "streams"
_MEDIA_TYPES = {"SSE": "text/event-stream", "NDJSON": "application/x-ndjson"}


async def measure(run: Run) -> Report:
    """The CPU of one delivery by websocket, SSE and NDJSON."""
    rows: dict[str, Figures] = {}
    for backend in run.backends:
        async with backend.hub() as hub, open_session(hub) as session:
            for title in ("websocket", *_MEDIA_TYPES):
                protocol = hub.watch if title == "websocket" else stream(backend.token, _MEDIA_TYPES[title])
                await session.connect(run.sizes.watchers, ("live", 1), protocol=protocol)
                most = ("max_updates", run.sizes.busy_updates)
                await session.load(BATCHES, ("seconds", 0.3), most)
                busy = [
                    await session.load(BATCHES, ("seconds", run.sizes.busy_seconds), most)
                    for _ in range(min(2, run.sizes.rounds))
                ]
                calm = await session.load(WEBSOCKET, ("rate", 10), ("seconds", run.sizes.calm_seconds))
                rows[f"{hub.name}, {title}"] = {
                    "deliveries/s": median_of(busy, "rate"),
                    "busy, CPU µs each": median_of(busy, "cpu_each"),
                    "calm, CPU µs each": calm.cpu_each,
                    "calm p99 ms": calm.p99,
                }
                await session.disconnect()
    return Report(
        NAME,
        f"HTTP streams beside websockets, {run.sizes.watchers} watchers",
        "Lower is better. Busy is batches of 100 at full speed; calm is by websocket at 10 updates per second.",
        rows,
    )
