"""What a watcher is handed: a run of consecutive entries, put into each form of the wire once for everybody."""

from collections.abc import Sequence

from app.model.position import ResetReason
from app.model.update import Entry


class Batch:
    """Consecutive entries of one log. Watchers at one position share the batch, and so its encoded forms."""

    __slots__ = ("_lines", "_sse", "_text", "entries", "epoch")

    def __init__(self, epoch: str, entries: Sequence[Entry]) -> None:
        self.epoch = epoch
        self.entries = entries
        self._text: str | None = None
        self._lines: bytes | None = None
        self._sse: bytes | None = None

    @property
    def last(self) -> int:
        """The seq of the newest entry."""
        return self.entries[-1].seq

    @property
    def text(self) -> str:
        """A websocket's text message: one JSON object a line."""
        if self._text is None:
            self._text = b"\n".join([entry.json for entry in self.entries]).decode()
        return self._text

    @property
    def lines(self) -> bytes:
        """NDJSON: one JSON object a line, each ended by a newline."""
        if self._lines is None:
            self._lines = b"".join([entry.json + b"\n" for entry in self.entries])
        return self._lines

    @property
    def sse(self) -> bytes:
        """Server-sent events (WHATWG HTML, 9.2), each with the position as its id."""
        if self._sse is None:
            self._sse = b"".join(
                [
                    b"event: update\nid: %s.%d\ndata: %s\n\n" % (self.epoch.encode(), entry.seq, entry.json)
                    for entry in self.entries
                ]
            )
        return self._sse


def split(epoch: str, entries: Sequence[Entry], most_bytes: int) -> list[Batch]:
    """Consecutive entries as batches of up to `most_bytes` each, and at least one entry."""
    batches: list[Batch] = []
    begin = total = 0
    for index, entry in enumerate(entries):
        total += len(entry.json)
        if total > most_bytes and index > begin:
            batches.append(Batch(epoch, entries[begin:index]))
            begin, total = index, len(entry.json)
    if begin < len(entries):
        batches.append(Batch(epoch, entries[begin:]))
    return batches


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


class Silence:
    """Nothing came for the heartbeat's length."""

    __slots__ = ()


type Happening = Batch | Reset | Ended | Silence
