"""A watcher's position in a log, `(epoch, seq)`, and whether the log can still serve it."""

from dataclasses import dataclass
from typing import Literal

type ResetReason = Literal["expired", "epoch", "ahead"]


@dataclass(frozen=True, slots=True)
class Extent:
    """What a log holds at one moment: the oldest seq, `first`, and the newest, `last`; `first == last + 1` if empty."""

    epoch: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Now:
    """Live from now on."""


@dataclass(frozen=True, slots=True)
class After:
    """Everything after `seq` in the log `epoch`; None stands for the current log."""

    seq: int
    epoch: str | None = None


@dataclass(frozen=True, slots=True)
class Last:
    """The newest `count`, then live."""

    count: int


type Start = Now | After | Last


@dataclass(frozen=True, slots=True)
class StartPoint:
    """The seq after which to continue, and why the requested one could not be served; None if it could."""

    seq: int
    reset: ResetReason | None = None


def start_point(start: Start, extent: Extent) -> StartPoint:
    """Where in `extent` a watcher that requests `start` begins. It never skips an update that the log still has."""
    match start:
        case Now():
            return StartPoint(extent.last)
        case Last(count):
            return StartPoint(max(extent.last - count, extent.first - 1))
        case After(_, epoch) if epoch is not None and epoch != extent.epoch:
            return StartPoint(extent.first - 1, "epoch")
        case After(seq) if seq > extent.last:
            return StartPoint(extent.first - 1, "ahead")
        case After(seq) if seq < extent.first - 1:
            return StartPoint(extent.first - 1, "expired")
        case After(seq):
            return StartPoint(seq)


def parse_event_id(text: str) -> After:
    """The position in an SSE `Last-Event-ID`, `EPOCH.SEQ`.

    What is none of this hub's is a position in no log, which is answered by a reset: an `EventSource` keeps the id of
    whatever stood at its address before, can't drop it, and ends for good at a refusal (WHATWG HTML, 9.2.3).
    """
    epoch, dot, seq = text.strip().rpartition(".")
    if not (dot and epoch and len(epoch) <= 32 and seq.isascii() and seq.isdigit() and len(seq) <= 18):
        return _IN_NO_LOG
    return After(int(seq), epoch)


_IN_NO_LOG = After(0, epoch="")  # No log has an empty epoch.
