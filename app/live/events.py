"""What a watch reports that is not an update: a reset, or its end."""

from app.model.position import ResetReason


class Reset:
    """The watcher's position could not be served; what follows begins at `first`."""

    __slots__ = ("epoch", "first", "last", "reason")

    def __init__(self, reason: ResetReason, epoch: str, first: int, last: int) -> None:
        self.reason: ResetReason = reason
        self.epoch = epoch
        self.first = first
        self.last = last


class Ended:
    """The watch is over: the right went, or the channel."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


type WatchEvent = Reset | Ended
