"""Presence in this process: the watchers, counted by channel, and a notification at every change."""

from collections import Counter
from collections.abc import Callable

from app.broker.protocol import PresenceSnapshot


class Presence:
    """The watchers of this process, by channel. Subscribers are notified at every change."""

    def __init__(self) -> None:
        self._names: dict[int, Counter[str]] = {}
        self._counts: Counter[int] = Counter()
        self._notify: dict[int, set[Callable[[], None]]] = {}

    def arrive(self, channel_id: int, name: str | None) -> None:
        """Count one more connection."""
        self._counts[channel_id] += 1
        if name is not None:
            self._names.setdefault(channel_id, Counter())[name] += 1
        self.notify(channel_id)

    def leave(self, channel_id: int, name: str | None) -> None:
        """Count one connection less."""
        self._counts[channel_id] -= 1
        if self._counts[channel_id] <= 0:
            del self._counts[channel_id]
        names = self._names.get(channel_id)
        if name is not None and names is not None:
            names[name] -= 1
            if names[name] <= 0:
                del names[name]
            if not names:
                del self._names[channel_id]
        self.notify(channel_id)

    def here(self, channel_id: int) -> PresenceSnapshot:
        """This process's part of who watches."""
        return PresenceSnapshot(self._counts[channel_id], tuple(sorted(self._names.get(channel_id, ()))))

    def everything_here(self) -> dict[int, PresenceSnapshot]:
        """This process's part, for every channel that is watched here."""
        return {channel_id: self.here(channel_id) for channel_id in self._counts}

    def subscribe(self, channel_id: int, notify: Callable[[], None]) -> None:
        """Call `notify` at every change, until `unsubscribe`."""
        self._notify.setdefault(channel_id, set()).add(notify)

    def unsubscribe(self, channel_id: int, notify: Callable[[], None]) -> None:
        """Stop calling `notify`."""
        subscribed = self._notify.get(channel_id, set())
        subscribed.discard(notify)
        if not subscribed:
            self._notify.pop(channel_id, None)

    def notify(self, channel_id: int) -> None:
        """Notify the subscribers of a channel that its watchers changed, here or elsewhere."""
        for notify in tuple(self._notify.get(channel_id, ())):
            notify()

    def notify_all(self) -> None:
        """Notify all subscribers, because a killed process does not announce that its watchers left."""
        for channel_id in tuple(self._notify):
            self.notify(channel_id)
