"""The broker of a hub that is one process."""

from app.broker.protocol import Hint, Listener, PresenceSnapshot


class InProcessBroker:
    """The broker of a hub that is one process: there is no other process to announce to."""

    async def __aenter__(self) -> "InProcessBroker":
        return self

    async def __aexit__(self, *failure: object) -> None:
        return None

    def attach(self, listener: Listener) -> None:
        """The listener never receives anything."""

    def announce(self, hint: Hint) -> None:
        """Does nothing."""

    def announce_access_changed(self) -> None:
        """Does nothing."""

    def announce_presence_changed(self, channel_id: int) -> None:
        """Does nothing."""

    async def listen(self, channel_id: int) -> None:
        """Does nothing."""

    def ignore(self, channel_id: int) -> None:
        """Does nothing."""

    async def presence_snapshot(self, channel_id: int, here: PresenceSnapshot) -> PresenceSnapshot:
        """The snapshot of this process."""
        return here

    async def ping(self) -> None:
        """Never raises."""
