"""What a watch reports that is not an update: a reset, or its end; and why watches and connections end."""

from enum import StrEnum

from app.model.position import ResetReason


class EndReason(StrEnum):
    """Why a watch, or the connection that holds it, ended. The one list, for every face."""

    CLOSED = "closed"  # By its own client.
    REVOKED = "revoked"  # The right to read the channel is gone.
    DELETED = "deleted"  # The channel is gone.
    INVALID = "invalid"  # The credential is no longer valid: revoked, expired, its user disabled.
    STALLED = "stalled"  # The client accepts no data.
    SHUTDOWN = "shutdown"  # The hub shuts down.
    FAILED = "failed"  # A mistake of ours, which was logged.


class Reset:
    """The watcher's position could not be served; what follows begins at `first`."""

    __slots__ = ("epoch", "first", "last", "reason")

    def __init__(self, reason: ResetReason, epoch: str, first: int, last: int) -> None:
        self.reason: ResetReason = reason
        self.epoch = epoch
        self.first = first
        self.last = last


class Ended:
    """The watch is over."""

    __slots__ = ("reason",)

    def __init__(self, reason: EndReason) -> None:
        self.reason = reason


type WatchEvent = Reset | Ended
