"""A blueprint as an operator may add one: websockets that send back what they receive, as Autobahn's cases require."""

from quart import Blueprint, websocket
from wsproto.frame_protocol import FrameProtocol

from app.transport.websocket import Websocket
from app.web.http.context import wire

blueprint = Blueprint("echo", __name__)


@blueprint.websocket("/echo")
async def echo() -> None:
    """Echo by Quart's websocket, on the server's own protocol."""
    await websocket.accept()
    while True:
        message: str | bytes | None = await websocket.receive()
        await websocket.send(
            b"" if message is None else message
        )  # Quart takes an empty binary message for a missing text.


@blueprint.websocket("/echo/direct")
async def echo_directly() -> None:
    """Echo on the connection that the hub uses for its watchers."""
    await websocket.accept()
    owner = Echo()
    owner.client = wire().take_over(owner)
    assert owner.client is not None


class Echo:
    """The owner of a websocket that was taken over."""

    client: Websocket | None = None

    def received(self, message: str | bytes) -> None:
        """Send it back as one frame: `send` would pack several into one, and never sends binary frames."""
        if self.client is not None and not self.client.closed:
            self.client._put(bytes(FrameProtocol(client=False, extensions=[]).send_data(message, fin=True)))

    def closed(self) -> None:
        """Drop the websocket."""
        self.client = None

    def stalled(self) -> None:
        """Close, as the hub does."""
        if self.client is not None:
            self.client.close(1013, "too slow")
