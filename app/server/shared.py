"""What the connections of one process share: the counts and paces of their networks, and the log of their failures."""

import logging
import math
from dataclasses import dataclass

from app.config import Settings
from app.runtime.networks import NetworkCounts, NetworkPace
from app.telemetry.recurring import Recurring

log = logging.getLogger("tidewire.server")

_STARTS_PER_S, _STARTS_AT_ONCE = 200, 8  # Connections of one network; a browser opens six.
_REFUSALS_PER_S, _REFUSALS_AT_ONCE = 20, 40  # Of one network: answers 4xx, and 505.


@dataclass(frozen=True, slots=True)
class Shared:
    """What the connections of one process share. The counts and paces are of one network each: None where a proxy makes
    all the connections, the paces also without rate limits."""

    failures: Recurring
    by_network: NetworkCounts | None = None
    starts: NetworkPace | None = None
    refusals: NetworkPace | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Shared":
        """As these settings ask for."""
        failures = Recurring(log)
        if settings.trusted_proxies:
            return cls(failures)
        counts = NetworkCounts(settings.address_connections)
        if not settings.rate_limits:
            return cls(failures, counts)
        # A start has no longest wait: those beyond it would all start at once.
        starts = NetworkPace(_STARTS_PER_S, _STARTS_AT_ONCE, math.inf)
        return cls(failures, counts, starts, NetworkPace(_REFUSALS_PER_S, _REFUSALS_AT_ONCE))
