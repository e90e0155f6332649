"""The broker of a hub that is one process."""

from app.broker.protocol import Hint, Listener, PresenceSnapshot


class InProcessBroker:
    """The broker of a hub that is one process: there are no others to tell."""

    async def __aenter__(self) -> "InProcessBroker":
        return self

    async def __aexit__(self, *failure: object) -> None:
        return None

    def attach(self, listener: Listener) -> None:
        """Nothing ever comes in."""

    def announce(self, hint: Hint) -> None:
        """The own process was told first."""

    def announce_access_changed(self) -> None:
        """The own process was told first."""

    def announce_presence_changed(self, channel_id: int) -> None:
        """The own process was told first."""

    async def listen(self, channel_id: int) -> None:
        """There is nobody to hear."""

    def ignore(self, channel_id: int) -> None:
        """There is nobody to hear."""

    async def presence_snapshot(self, channel_id: int, here: PresenceSnapshot) -> PresenceSnapshot:
        """This process is all there is."""
        return here

    async def ping(self) -> None:
        """Always reached."""
