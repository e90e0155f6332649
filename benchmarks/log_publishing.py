"""Publishing into the log through the real store, in this process: group commit against a transaction each."""

import asyncio
import time
from dataclasses import replace

from app.actions.publish import Publisher, publish
from app.actions.setup import prepare_development
from app.config import Settings
from app.live.broker import InProcessBroker
from app.live.hub import Hub
from app.metrics import Metrics
from app.model.access import ANONYMOUS
from app.model.draft import parse_submission
from app.model.position import Extent
from app.model.update import Entry
from app.store.database import Database
from app.tasks import TaskScope
from benchmarks.load import Load
from benchmarks.place import CHANNEL, Ground, Place
from benchmarks.publishers import BODY
from benchmarks.table import Cases

NAME = "log"
TITLE = "Publishing into the log, by the hub's own publisher and store, without HTTP"
READING = (
    "Higher is better: each publish is answered after its own commit, so a transaction each is what the disk allows, "
    "and a group shares one among all who wait."
)
_WAYS: dict[str, dict[str, int]] = {"a transaction each": {"group_updates": 1}, "group commit": {}}


async def measure(ground: Ground, load: Load) -> Cases:
    """Publishes a second for 1 and 50 callers."""
    cases: Cases = {}
    async with ground.place() as place:
        for callers in (1, 50):
            for way, changes in _WAYS.items():
                rate = await _rate(place, changes, callers, load.publish_seconds)
                cases[f"{callers} caller{'s' * (callers > 1)}, {way}"] = {"publishes/s": rate}
    return cases


async def _rate(place: Place, changes: dict[str, int], callers: int, seconds: float) -> float:
    settings = Settings(env="testing", database_url=place.database_url, data_dir=place.directory)
    settings = replace(settings, **changes)  # type: ignore[arg-type]
    db = Database(settings)
    submission, _ = parse_submission(b'{"body":"%s"}' % BODY.encode())
    counts = [0] * callers
    try:
        await prepare_development(db)
        async with TaskScope() as tasks, InProcessBroker() as broker:
            metrics = Metrics()
            publisher = Publisher(db, Hub(broker, _unread, settings, metrics, tasks), settings, metrics, tasks)
            await publish(publisher, ANONYMOUS, CHANNEL, submission, None)
            began = time.perf_counter()

            async def call(index: int) -> None:
                while time.perf_counter() - began < seconds:
                    await publish(publisher, ANONYMOUS, CHANNEL, submission, None)
                    counts[index] += 1

            await asyncio.gather(*(call(index) for index in range(callers)))
            took = time.perf_counter() - began
            await publisher.drain()
    finally:
        await db.close()
    return sum(counts) / took


async def _unread(channel_id: int, after: int) -> tuple[Extent, list[Entry]] | None:
    raise AssertionError(f"Nobody watches channel {channel_id}, so nobody reads it after {after}.")
