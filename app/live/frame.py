"""What a watcher is handed: a run of consecutive entries, put into each form of the wire once for everybody."""

from collections.abc import Callable, Sequence

from app.model.position import ResetReason
from app.model.update import Entry

type Form = Callable[["Batch"], bytes]


class Batch:
    """Consecutive entries of one log. Watchers at one position share the batch, and so its encoded forms."""

    __slots__ = ("_encoded", "entries", "epoch")

    def __init__(self, epoch: str, entries: Sequence[Entry]) -> None:
        self.epoch = epoch
        self.entries = entries
        self._encoded: dict[Form, bytes] = {}

    @property
    def last(self) -> int:
        """The seq of the newest entry."""
        return self.entries[-1].seq

    def encoded(self, form: Form) -> bytes:
        """The batch in this form, made once."""
        found = self._encoded.get(form)
        if found is None:
            found = self._encoded[form] = form(self)
        return found


def text(batch: Batch) -> bytes:
    """A websocket's text message: one JSON object a line."""
    return b"\n".join([entry.json for entry in batch.entries])


def frame(batch: Batch) -> bytes:
    """The same message as it goes over the socket."""
    return text_frame(text(batch))


def ndjson(batch: Batch) -> bytes:
    """One JSON object a line, each ended by a newline."""
    return b"".join([entry.json + b"\n" for entry in batch.entries])


def sse(batch: Batch) -> bytes:
    """Server-sent events (WHATWG HTML, 9.2), each with the position as its id."""
    epoch = batch.epoch.encode()
    return b"".join(
        [b"event: update\nid: %s.%d\ndata: %s\n\n" % (epoch, entry.seq, entry.json) for entry in batch.entries]
    )


def ndjson_chunk(batch: Batch) -> bytes:
    """NDJSON as it goes over the socket."""
    return chunk(ndjson(batch))


def sse_chunk(batch: Batch) -> bytes:
    """Server-sent events as they go over the socket."""
    return chunk(sse(batch))


CHUNKED: dict[Form, Form] = {ndjson: ndjson_chunk, sse: sse_chunk}


def text_frame(message: bytes) -> bytes:
    """A whole text message in one frame, unmasked as a server's are and uncompressed (RFC 6455, 5.2; RFC 7692, 6)."""
    size = len(message)
    if size < 126:
        return b"\x81%c%b" % (size, message)
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2) + message
    return b"\x81\x7f" + size.to_bytes(8) + message


def chunk(body: bytes) -> bytes:
    """A part of an HTTP/1.1 body whose length is not known (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(body), body)


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


type Happening = Reset | Ended
