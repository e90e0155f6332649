"""The close codes with which the hub closes a websocket. The code determines whether a client may reconnect."""

from typing import NamedTuple

from app.live.events import EndReason


class Close(NamedTuple):
    """A close code (RFC 6455, 7.4) and its reason."""

    code: int
    reason: str


CLOSES: dict[EndReason, Close] = {
    EndReason.SHUTDOWN: Close(1001, "the hub shuts down"),
    EndReason.FAILED: Close(1011, "something went wrong here; it was logged"),
    EndReason.STALLED: Close(1013, "too slow"),
    EndReason.INVALID: Close(4401, "the token is no longer valid"),
}
