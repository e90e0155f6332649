"""The newest entries of one log, consecutive and bounded, and the early ones that wait for an elder."""

from collections import deque
from collections.abc import Sequence
from itertools import islice

from app.model.update import Entry

_EARLY = 1024  # Early hints held at most; beyond, the log is read instead.


class Ring:
    """A run of entries that ends at `head`, the newest seq that watchers are told of.

    Pure: no clock, no loop. `seen` is the newest seq known to be committed; while it is beyond `head` there is a gap
    that hints may still close, and that `jump` gives up on.
    """

    def __init__(self, head: int, most: int, most_bytes: int) -> None:
        self.head = head
        self.seen = head
        self._run: deque[Entry] = deque()
        self._bytes = 0
        self._early: dict[int, Entry] = {}
        self._most = most
        self._most_bytes = most_bytes

    @property
    def gap(self) -> bool:
        """Is something committed that has not come?"""
        return self.seen > self.head

    def reaches(self, seq: int) -> bool:
        """Is all that follows `seq` here?"""
        return self.head - len(self._run) <= seq <= self.head

    def offer(self, entries: Sequence[Entry]) -> bool:
        """Take what a hint brought, in any order, doubled or not; True when `head` moved."""
        before = self.head
        for entry in entries:
            if entry.seq == self.head + 1:
                self._append(entry)
            elif entry.seq > self.head and len(self._early) < _EARLY:
                self._early[entry.seq] = entry
            if entry.seq > self.seen:
                self.seen = entry.seq
        if self._early and self.head != before:
            self._join_early()
        return self.head != before

    def jump(self) -> None:
        """Stop waiting for what did not come: watchers will find it in the log, the ring goes on after it."""
        kept: list[Entry] = []
        seq = self.seen
        while (entry := self._early.get(seq)) is not None:
            kept.append(entry)
            seq -= 1
        self._run.clear()  # A hint was lost: readers will find the rest in the log.
        self._bytes = 0
        self._early.clear()
        self.head = seq
        for entry in reversed(kept):
            self._append(entry)

    def after(self, seq: int, upto: int, most: int, most_bytes: int) -> list[Entry] | None:
        """The entries after `seq` and up to `upto`, within the bounds and at least one; None when the ring does not
        reach back to it."""
        run = self._run
        begin = len(run) - (self.head - seq)
        if begin < 0:
            return None
        end = min(len(run) - (self.head - upto), begin + most)
        taken: list[Entry] = []
        total = 0
        for entry in islice(run, begin, end):
            total += len(entry.json)
            if taken and total > most_bytes:
                break
            taken.append(entry)
        return taken

    def _append(self, entry: Entry) -> None:
        self._run.append(entry)
        self._bytes += len(entry.json)
        self.head = entry.seq
        self.seen = max(self.seen, entry.seq)
        while len(self._run) > self._most or (self._bytes > self._most_bytes and len(self._run) > 1):
            self._bytes -= len(self._run.popleft().json)

    def _join_early(self) -> None:
        while (entry := self._early.pop(self.head + 1, None)) is not None:
            self._append(entry)
        self._early = {seq: entry for seq, entry in self._early.items() if seq > self.head}
