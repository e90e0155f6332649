"""The long-lived things of one hub, opened and closed together and handed on as one frozen value."""

import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from app.actions.find import admit
from app.actions.follow import Admissions
from app.actions.setup import ready_schema
from app.actions.tokens import recognise
from app.broker.in_process import InProcessBroker
from app.broker.protocol import Broker
from app.broker.redis import RedisBroker
from app.config import ConfigError, Settings
from app.live.hub import Hub
from app.live.single_flight import SingleFlight
from app.model.access import Principal
from app.runtime.body_budget import BodyBudget
from app.runtime.connections import Connections
from app.runtime.indexer import WordIndex
from app.runtime.limits import RateLimits
from app.runtime.log_reader import LogReader
from app.runtime.publisher import Publisher
from app.runtime.recent import Recent
from app.runtime.search_gate import SearchGate
from app.store.engine.database import Database
from app.store.log.append import Log, open_log
from app.tasks import TaskScope
from app.telemetry.metrics import Metrics


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
    identities: Recent[str, Principal]  # By the token's digest.
    connections: Connections
    limits: RateLimits
    searches: SearchGate
    bodies: BodyBudget


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Open the hub's services; at the end finish the commits on their way, then close in reverse.

    Raises ConfigError when what is configured can't run, and Unavailable when the database can't be reached.
    """
    async with AsyncExitStack() as stack:
        if settings.redis_url is None:
            stack.callback(os.close, _only_worker(settings))
        db = Database(settings)
        stack.push_async_callback(db.close)
        await ready_schema(settings, db)
        log = open_log(db, settings)
        stack.push_async_callback(log.close)  # After the tasks have ended: one of them may still commit.
        metrics = Metrics()
        tasks = await stack.enter_async_context(TaskScope())
        broker: Broker = RedisBroker(settings) if settings.redis_url else InProcessBroker()
        reader = LogReader(db, settings.page_updates, settings.page_bytes)
        hub = Hub(broker, reader.read, settings, metrics, tasks)
        await stack.enter_async_context(broker)
        words = WordIndex(db, tasks)
        publisher = Publisher(log, hub, words, settings, metrics)
        tasks.keep(publisher.run, "publish: commit")
        stack.push_async_callback(publisher.drain)
        admissions: Admissions = Recent(SingleFlight(tasks), partial(admit, db))
        identities = Recent(SingleFlight(tasks), partial(recognise, db))
        for cache in (admissions, identities):
            hub.on_change(cache.forget)
        yield Services(
            settings=settings,
            metrics=metrics,
            tasks=tasks,
            db=db,
            log=log,
            broker=broker,
            hub=hub,
            publisher=publisher,
            words=words,
            admissions=admissions,
            identities=identities,
            connections=Connections(settings),
            limits=RateLimits(settings),
            searches=SearchGate(),
            bodies=BodyBudget(settings.pending_request_bytes),
        )


def _only_worker(settings: Settings) -> int:
    """The lock that one process a database holds where there is no Redis; it goes with the process, however that ends.

    hypercorn's own `--workers` can't be seen from inside, so a setting alone would not notice the second worker.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(settings.database_url.encode()).hexdigest()[:16]
    lock = os.open(settings.data_dir / f"hub-{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise ConfigError(
            "Another worker already runs on this database, and TIDEWIRE_REDIS_URL is not set: without Redis one worker "
            "is not notified at once of what another commits. Set the URL, or run one worker."
        ) from None
    return lock
