"""Watch events: what a watch reports that is not an update. And the reasons why watches and connections end."""

from enum import StrEnum

from app.model.position import ResetReason


class EndReason(StrEnum):
    """Why a watch, or the connection that holds it, ended. One list for the websocket and the streams."""

    CLOSED = "closed"  # The client closed it.
    REVOKED = "revoked"  # The right to read the channel was revoked.
    DELETED = "deleted"  # The channel was deleted.
    INVALID = "invalid"  # The credential is no longer valid: revoked, expired, or its user disabled.
    STALLED = "stalled"  # The client accepts no data.
    SHUTDOWN = "shutdown"  # The hub shuts down.
    FAILED = "failed"  # An error of the hub, which was logged.


class Reset:
    """The watcher's position could not be served; the updates from `first` on follow."""

    __slots__ = ("epoch", "first", "last", "reason")

    def __init__(self, reason: ResetReason, epoch: str, first: int, last: int) -> None:
        self.reason: ResetReason = reason
        self.epoch = epoch
        self.first = first
        self.last = last


class Ended:
    """The watch has ended."""

    __slots__ = ("reason",)

    def __init__(self, reason: EndReason) -> None:
        self.reason = reason


type WatchEvent = Reset | Ended
