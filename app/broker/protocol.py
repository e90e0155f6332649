"""The broker's interface: it carries hints between processes. A lost or late hint costs time, never an update."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.model.update import Entry

MAX_PRESENCE_NAMES = 100  # The number of watchers is always complete.


@dataclass(frozen=True, slots=True)
class Hint:
    """Consecutive entries of one channel that were just committed, encoded as every watcher receives them."""

    channel_id: int
    epoch: str
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class PresenceSnapshot:
    """Who watches one channel: the number of connections, and the names of their users."""

    watching: int
    users: tuple[str, ...]


class Listener(Protocol):
    """The receiver of announcements. Every method is synchronous and quick."""

    def on_hint(self, hint: Hint) -> None:
        """Another process committed these entries."""

    def on_access_changed(self) -> None:
        """A right or a channel changed in another process: reconcile now instead of at the next poll."""

    def on_presence_changed(self, channel_id: int) -> None:
        """Who watches the channel changed in another process."""

    def here(self, channel_id: int) -> PresenceSnapshot:
        """This process's part of who watches the channel."""

    def everything_here(self) -> dict[int, PresenceSnapshot]:
        """This process's part, for every channel that is watched here."""


class Broker(Protocol):
    """Carries hints and announcements between this process and the others. Used inside `async with`."""

    async def __aenter__(self) -> "Broker": ...
    async def __aexit__(self, *failure: object) -> None: ...

    def attach(self, listener: Listener) -> None:
        """Set the listener, before the broker is entered."""

    def announce(self, hint: Hint) -> None:
        """Send the hint to the other processes. Never waits: a hint that can't be sent is dropped; the log has it."""

    def announce_access_changed(self) -> None:
        """Announce that a right or a channel changed."""

    def announce_presence_changed(self, channel_id: int) -> None:
        """Announce that the watchers of a channel changed here."""

    async def listen(self, channel_id: int) -> None:
        """Receive this channel's hints from now on. Returns when they are received, or after a bounded wait."""

    def ignore(self, channel_id: int) -> None:
        """Stop receiving this channel's hints."""

    async def presence_snapshot(self, channel_id: int, here: PresenceSnapshot) -> PresenceSnapshot:
        """Who watches the channel in all processes; `here` is this one's part."""

    async def ping(self) -> None:
        """Raises Unavailable when the broker can't be reached."""
