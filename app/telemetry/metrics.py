"""The hub's metrics, for `GET /metrics`: one registry per application, because one process may run several."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

# From a tenth of a millisecond, a commit on a fast disk, to ten seconds, the limit of a commit.
_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The hub's metrics. Names follow Prometheus' conventions (base units, `_total` for counters)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.published = Counter("tidewire_updates_published", "Updates committed here.", registry=self.registry)
        self.failed = Counter(
            "tidewire_publishes_failed",
            "Publishes that could not be stored, by the reason.",
            ["reason"],
            registry=self.registry,
        )
        self.delivered = Counter(
            "tidewire_updates_delivered", "Updates written to a watcher's connection.", registry=self.registry
        )
        self.commit_seconds = Histogram(
            "tidewire_commit_seconds", "Time of one group commit.", buckets=_SECONDS, registry=self.registry
        )
        self.group_updates = Histogram(
            "tidewire_commit_updates",
            "Updates in one group commit.",
            buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000),
            registry=self.registry,
        )
        self.log_reads = Counter(
            "tidewire_log_reads",
            "Pages read from the log for watchers that were behind.",
            registry=self.registry,
        )
        self.watchers = Gauge("tidewire_watchers", "Subscriptions open in this process.", registry=self.registry)
        self.hints_lost = Counter(
            "tidewire_hints_lost",
            "Times a feed skipped hints that did not arrive.",
            registry=self.registry,
        )
        self.slow_closed = Counter(
            "tidewire_slow_closed", "Connections closed because the client accepted no data.", registry=self.registry
        )

    media_type = CONTENT_TYPE_LATEST

    def render(self) -> bytes:
        """The registry in Prometheus' text format."""
        return generate_latest(self.registry)
