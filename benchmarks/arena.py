"""Who is measured in this run: hubs on the chosen databases, and those peers that are installed."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from benchmarks.contestant import Contestant
from benchmarks.failure import Failure
from benchmarks.peers import hypercorn, nats, nchan
from benchmarks.peers.node import SOCKET_IO, WS
from benchmarks.place import Ground
from benchmarks.sitting import Ran, Sitting, sitting
from benchmarks.sizes import Sizes


class Peer(Protocol):
    """Another server: a module, or a value with the same names."""

    @property
    def NAME(self) -> str: ...  # noqa: N802 - a module's constant

    @property
    def HOW_TO(self) -> str: ...  # noqa: N802

    def missing(self) -> bool:
        """Whether it is not installed."""

    def server(self) -> AbstractContextManager[Contestant]:
        """The server, running."""


PEERS: dict[str, Peer] = {peer.NAME: peer for peer in (nats, nchan, WS, SOCKET_IO, hypercorn)}


@dataclass(frozen=True, slots=True)
class Arena:
    """The grounds of our hubs, the peers that are there, and how much is asked of everyone."""

    grounds: Sequence[Ground]
    peers: Sequence[str]
    sizes: Sizes

    @property
    def ours(self) -> list[str]:
        """The names of our hubs, one a ground."""
        return [ground.hub_name for ground in self.grounds]

    @asynccontextmanager
    async def everyone(self, *peers: str, watchers: int) -> AsyncIterator[dict[str, Sitting]]:
        """A hub on each ground and these peers, by name, all running at once with their watchers connected.

        A peer that fails is left out with a line that says why; a hub that fails makes the run void.
        """
        async with AsyncExitStack() as stack:
            found: dict[str, Sitting] = {}
            for ground in self.grounds:
                hub = await stack.enter_async_context(ground.hub())
                found[hub.name] = await stack.enter_async_context(sitting(hub, watchers))
            for name in [each for each in peers if each in self.peers]:
                try:
                    peer = stack.enter_context(PEERS[name].server())
                    found[name] = await stack.enter_async_context(sitting(peer, watchers))
                except (Failure, AssertionError) as error:
                    say(f"{name} is left out: {error}")
            yield found

    async def in_turn(
        self,
        sittings: dict[str, Sitting],
        ways: Sequence[str],
        *fields: tuple[str, str | float],
        rounds: int | None = None,
    ) -> dict[tuple[str, str], list[Ran]]:
        """Each way of each of them, `rounds` times, one after the other, so that all meet the machine in each mood."""
        ran: dict[tuple[str, str], list[Ran]] = {}
        left_out: set[tuple[str, str]] = set()
        turns = 1 + (rounds or self.sizes.rounds)  # The first pays for what is loaded late, and counts for nothing.
        for turn in range(turns):
            for way in ways:
                for name, sits in sittings.items():
                    key = (name, way)
                    if way not in sits.contestant.ways or key in left_out:
                        continue
                    try:
                        done = await sits.run(
                            way, *(fields if turn else [("seconds", min(0.3, self.sizes.busy_seconds)), *fields])
                        )
                    except Failure as error:
                        if name not in PEERS:
                            raise Failure(f"{name}, published by {way}: {error}") from None
                        say(f"{name}, published by {way}, is left out: {error}")
                        left_out.add(key)
                        ran.pop(key, None)
                        continue
                    if turn:
                        ran.setdefault(key, []).append(done)
        return ran


def middle(ran: Sequence[Ran], figure: str) -> float:
    """The median of that figure over the rounds."""
    return float(median(getattr(each, figure) for each in ran))


def say(line: str) -> None:
    """What is going on, beside the tables."""
    print(f"… {line}", file=sys.stderr, flush=True)
