"""One run of the benchmarks: hubs on the chosen databases, and the peers that are installed."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from benchmarks.backend import Backend
from benchmarks.failure import Failure
from benchmarks.generator.driver import Field
from benchmarks.peers import hypercorn, nats, nchan
from benchmarks.peers.node import SOCKET_IO, WS
from benchmarks.server import Server
from benchmarks.session import LoadResult, Session, open_session
from benchmarks.sizes import Sizes


class Peer(Protocol):
    """A server of another project: a module, or a value with the same names."""

    @property
    def NAME(self) -> str: ...  # noqa: N802 - a module's constant

    @property
    def HOW_TO(self) -> str: ...  # noqa: N802

    def missing(self) -> bool:
        """True if the peer is not installed."""

    def server(self) -> AbstractContextManager[Server]:
        """Start the server, and stop it on exit."""


PEERS: dict[str, Peer] = {peer.NAME: peer for peer in (nats, nchan, WS, SOCKET_IO, hypercorn)}
_WARM_UP_S = 0.3


@dataclass(frozen=True, slots=True)
class Run:
    """What every measure of one run gets: the backends of the hubs, the installed peers and the sizes of the load."""

    backends: Sequence[Backend]
    peers: Sequence[str]
    sizes: Sizes

    @property
    def hub_names(self) -> list[str]:
        """The names of the hubs, one for each backend."""
        return [backend.hub_name for backend in self.backends]

    @asynccontextmanager
    async def sessions(self, *peers: str, watchers: int) -> AsyncIterator[dict[str, Session]]:
        """Start a hub on each backend and these peers together, connect their watchers, and yield sessions by name.

        A peer that fails is left out with a log line; a hub that fails makes the run fail.
        """
        async with AsyncExitStack() as stack:
            found: dict[str, Session] = {}
            for backend in self.backends:
                hub = await stack.enter_async_context(backend.hub())
                found[hub.name] = await stack.enter_async_context(open_session(hub, watchers))
            for name in [each for each in peers if each in self.peers]:
                try:
                    peer = stack.enter_context(PEERS[name].server())
                    found[name] = await stack.enter_async_context(open_session(peer, watchers))
                except (Failure, AssertionError) as error:
                    log_progress(f"{name} is left out: {error}")
            yield found

    async def interleave(
        self, sessions: dict[str, Session], modes: Sequence[str], *fields: Field, rounds: int | None = None
    ) -> dict[tuple[str, str], list[LoadResult]]:
        """Load every server in every mode once a round, so that a busy moment of the machine affects all of them."""
        results: dict[tuple[str, str], list[LoadResult]] = {}
        left_out: set[tuple[str, str]] = set()
        warm_up: Field = ("seconds", min(_WARM_UP_S, self.sizes.busy_seconds))
        # Round 0 is the warm-up: it pays for what is loaded lazily, and its result is dropped.
        for number in range(1 + (rounds or self.sizes.rounds)):
            for mode in modes:
                for name, session in sessions.items():
                    key = (name, mode)
                    if mode not in session.server.modes or key in left_out:
                        continue
                    try:
                        result = await session.load(mode, *(fields if number else (warm_up, *fields)))
                    except Failure as error:
                        if name not in PEERS:
                            raise Failure(f"{name}, {mode}: {error}") from None
                        log_progress(f"{name}, {mode}, is left out: {error}")
                        left_out.add(key)
                        results.pop(key, None)
                        continue
                    if number:
                        results.setdefault(key, []).append(result)
        return results


def median_of(results: Sequence[LoadResult], figure: str) -> float:
    """The median of that figure over the rounds."""
    return float(median(getattr(each, figure) for each in results))


def log_progress(line: str) -> None:
    """Print a line to standard error, apart from the tables."""
    print(f"… {line}", file=sys.stderr, flush=True)
