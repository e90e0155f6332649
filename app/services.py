"""The long-lived things of one hub, opened and closed together and handed on as one frozen value."""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from app.actions.find import admit
from app.actions.follow import Admissions
from app.actions.identities import Presented, recognise
from app.actions.setup import ready_schema
from app.broker.in_process import InProcessBroker
from app.broker.protocol import Broker
from app.broker.redis import RedisBroker
from app.config import ConfigError, Settings
from app.live.hub import Hub
from app.live.single_flight import SingleFlight
from app.model.access import Principal
from app.private_files import make_folder
from app.runtime.body_budget import BodyBudget
from app.runtime.connections import Connections
from app.runtime.indexer import WordIndex
from app.runtime.limits import RateLimits, RecordedLimits
from app.runtime.log_reader import LogReader
from app.runtime.publisher import Publisher
from app.runtime.read_gate import ReadGate
from app.runtime.recent import Recent
from app.runtime.search_gate import SearchGate
from app.runtime.uses import Uses
from app.store.engine.database import Database
from app.store.engine.url import lock_path
from app.store.log.append import Log, open_log
from app.tasks import TaskScope
from app.telemetry.metrics import Metrics
from app.telemetry.recurring import Recurring

log = logging.getLogger("tidewire.database")


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that an action may need, and nothing that belongs to one request."""

    settings: Settings
    metrics: Metrics
    tasks: TaskScope
    db: Database
    log: Log
    broker: Broker
    hub: Hub
    publisher: Publisher
    words: WordIndex
    admissions: Admissions
    identities: Recent[Presented, Principal]
    uses: Uses
    writable: Recent[str, bool]  # True, or Unavailable: anybody may ask, so it is tried at most twice a second.
    connections: Connections
    limits: RateLimits
    searches: SearchGate
    reads: ReadGate
    bodies: BodyBudget


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Open the hub's services; at the end finish the commits on their way, then close in reverse.

    Raises ConfigError when what is configured can't run, and Unavailable when the database can't be reached.
    """
    async with AsyncExitStack() as stack:
        db = Database(settings)  # It creates a missing file, and does not connect yet.
        if settings.redis_url is None:
            stack.callback(os.close, _only_worker(settings))
        stack.push_async_callback(db.close)
        await ready_schema(settings, db)
        outages = Recurring(log)  # A failed start reports its own.
        db.outages.on_outage(lambda cause: outages.failed(cause.word, str(cause)))
        updates = open_log(db, settings)
        stack.push_async_callback(updates.close)  # After the tasks have ended: one of them may still commit.
        metrics = Metrics()
        tasks = await stack.enter_async_context(TaskScope())
        broker: Broker = RedisBroker(settings) if settings.redis_url else InProcessBroker()
        reader = LogReader(db, settings.page_updates, settings.page_bytes)
        hub = Hub(broker, reader.read, settings, metrics, tasks)
        await stack.enter_async_context(broker)
        words = WordIndex(db, tasks)
        publisher = Publisher(updates, hub, words, settings, metrics)
        tasks.keep(publisher.run, "publish: commit")
        stack.push_async_callback(publisher.drain)
        admissions: Admissions = Recent(SingleFlight(tasks), partial(admit, db))
        uses = Uses()
        identities = Recent(SingleFlight(tasks), partial(recognise, db, uses))
        writable = Recent(SingleFlight(tasks), partial(_try_write, db))
        for cache in (admissions, identities):
            hub.on_change(cache.forget)
        yield Services(
            settings=settings,
            metrics=metrics,
            tasks=tasks,
            db=db,
            log=updates,
            broker=broker,
            hub=hub,
            publisher=publisher,
            words=words,
            admissions=admissions,
            identities=identities,
            uses=uses,
            writable=writable,
            connections=Connections(settings),
            limits=(RecordedLimits if settings.access_log else RateLimits)(settings),
            searches=SearchGate(),
            reads=ReadGate(settings),
            bodies=BodyBudget(settings.pending_request_bytes),
        )


async def _try_write(db: Database, _: str) -> bool:
    await db.check_write()
    return True


def _only_worker(settings: Settings) -> int:
    """The lock that one process a database holds where there is no Redis; it goes with the process, however that ends.

    hypercorn's own `--workers` can't be seen from inside, so a setting alone would not notice the second worker.
    """
    import fcntl  # Absent on Windows, where the factory refuses before this.

    path = lock_path(settings)
    try:
        make_folder(path.parent)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"The lock file {path} can't be opened: {error.strerror}.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise ConfigError(
            "Another worker already runs on this database, and TIDEWIRE_REDIS_URL is not set: without Redis one worker "
            "is not notified at once of what another commits. Set the URL, or run one worker."
        ) from None
    return lock
