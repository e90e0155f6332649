"""The broker of a hub that is one process."""

from app.broker.protocol import Hint, Listener, PresenceSnapshot


class InProcessBroker:
    """The broker of a hub that is one process: it has no others to announce to."""

    async def __aenter__(self) -> "InProcessBroker":
        return self

    async def __aexit__(self, *failure: object) -> None:
        return None

    def attach(self, listener: Listener) -> None:
        """Nothing is ever received."""

    def announce(self, hint: Hint) -> None:
        """There is no other process."""

    def announce_access_changed(self) -> None:
        """There is no other process."""

    def announce_presence_changed(self, channel_id: int) -> None:
        """There is no other process."""

    async def listen(self, channel_id: int) -> None:
        """There is no other process."""

    def ignore(self, channel_id: int) -> None:
        """There is no other process."""

    async def presence_snapshot(self, channel_id: int, here: PresenceSnapshot) -> PresenceSnapshot:
        """This process is all there is."""
        return here

    async def ping(self) -> None:
        """Always reached."""
