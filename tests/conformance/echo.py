"""A blueprint as an operator may add one: websockets that say back what they are told, as Autobahn's cases want it."""

from quart import Blueprint, websocket
from wsproto.events import BytesMessage, TextMessage

from app.transport.websocket import Websocket
from app.web.http.context import wire

blueprint = Blueprint("echo", __name__)


@blueprint.websocket("/echo")
async def echo() -> None:
    """By Quart's own means, on the server's own protocol."""
    await websocket.accept()
    while True:
        heard: str | bytes | None = await websocket.receive()
        await websocket.send(b"" if heard is None else heard)  # Quart takes an empty binary message for a missing text.


@blueprint.websocket("/echo/direct")
async def echo_directly() -> None:
    """On the protocol that the hub speaks to its watchers."""
    await websocket.accept()
    owner = Echo()
    owner.client = wire().take_over(owner)
    assert owner.client is not None


class Echo:
    """Who speaks over such a websocket."""

    client: Websocket | None = None

    def heard(self, message: str | bytes) -> None:
        """Say it back, as a frame of its own: `say` would pack several into one, and never sends bytes."""
        if self.client is not None and not self.client.closed:
            event = TextMessage(message) if isinstance(message, str) else BytesMessage(message)
            self.client._put(self.client._connection.send(event))

    def lost(self) -> None:
        """That was all."""
        self.client = None

    def give_up(self) -> None:
        """As the hub does."""
        if self.client is not None:
            self.client.goodbye(1013, "too slow")
