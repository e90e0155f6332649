"""A running server under measurement, a hub or a peer: its port, its protocol and its meters."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.generator.driver import Field
from benchmarks.meter import Meter

UPDATE_BYTES = 120
WEBSOCKET, BATCHES, REQUESTS = "websocket", "batches of 100", "single requests"
FULL_FRAMES = "websocket, 10 publishes per frame"
_TEXT = "Nightly backup of db-1: 42.1 GiB in 3 min 12 s, 1204 files changed, checksum verified, pruned 3 old ones. "


@dataclass(frozen=True, slots=True)
class PublishMode:
    """One way to publish: the fields that open the publishing connections, and those that define each message."""

    connect: tuple[Field, ...]
    load: tuple[Field, ...]


# The most updates that are published and not yet delivered. A server that packs waiting updates into one write gets as
# many as the hub; for one that writes each update by itself a longer backlog changes only the time to drain it.
PACKED_WRITES: Field = ("backlog", 1000)
SINGLE_WRITES: Field = ("backlog", 50)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, and how to watch it and publish to it."""

    name: str
    port: int
    meter: Meter
    watch: tuple[Field, ...]
    modes: Mapping[str, PublishMode]
    dependencies: Mapping[str, Meter] = field(default_factory=dict)  # Its database and broker, by name.
    token: str | None = None  # Hubs only: a member's token.


def padded(template: str, size: int = UPDATE_BYTES) -> str:
    """The template with `{pad}` replaced by text, so that one update has `size` bytes as it is published."""
    known = template.replace("{n}", "1" * 13).replace("{ts}", str(time.monotonic_ns())).replace("{pad}", "")
    room = max(0, size - len(known))
    return template.replace("{pad}", (_TEXT * (room // len(_TEXT) + 1))[:room])
