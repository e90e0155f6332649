"""A server that is measured, ours or another: where it is, how it is spoken to, what it costs."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.generator.driver import Field
from benchmarks.meter import Meter

UPDATE_BYTES = 120
WEBSOCKET, BATCHES, REQUESTS = "websocket", "batches of 100", "single requests"
FULL_FRAMES = "websocket, 10 publishes a frame"
_TEXT = "Nightly backup of db-1: 42.1 GiB in 3 min 12 s, 1204 files changed, checksum verified, pruned 3 old ones. "


@dataclass(frozen=True, slots=True)
class Way:
    """How to publish: the connections that do, and what each message is."""

    opened: tuple[Field, ...]
    run: tuple[Field, ...]


# On their way to the watchers at most. A server that packs what waits may have as many as ours; one that writes each
# update by itself costs the same however many wait, and would only take longer to hand them out in the end.
PACKS: Field = ("lag", 1000)
WRITES_EACH: Field = ("lag", 50)


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server that runs now."""

    name: str
    port: int
    meter: Meter
    watch: tuple[Field, ...]
    ways: Mapping[str, Way]
    beside: Mapping[str, Meter] = field(default_factory=dict)  # Databases and brokers that work for it.
    token: str | None = None  # Of a member, at a hub of ours.


def padded(template: str, size: int = UPDATE_BYTES) -> str:
    """The template with `{pad}` replaced by text, so that one update has `size` bytes as it is published."""
    known = template.replace("{n}", "1" * 13).replace("{ts}", str(time.monotonic_ns())).replace("{pad}", "")
    room = max(0, size - len(known))
    return template.replace("{pad}", (_TEXT * (room // len(_TEXT) + 1))[:room])
