"""A ring: the newest entries of one log, consecutive and bounded, and those that arrived out of order."""

from collections import deque
from collections.abc import Sequence
from itertools import islice

from app.model.update import Entry

MAX_OUT_OF_ORDER = 1024  # Entries that are held until the ones before them arrive. Beyond them, the log is read.


class Ring:
    """A run of entries that ends at `head`, the newest seq that arrived in order. Pure: no clock, no loop.

    `seen` is the newest seq known to be committed. While it is beyond `head` there is a gap: hints may still close it,
    and `jump` skips it.
    """

    def __init__(self, head: int, most: int, most_bytes: int) -> None:
        self.head = head
        self.seen = head
        self._run: deque[Entry] = deque()
        self._bytes = 0
        self._out_of_order: dict[int, Entry] = {}
        self._most = most
        self._most_bytes = most_bytes

    @property
    def gap(self) -> bool:
        """True while an entry is committed that has not arrived."""
        return self.seen > self.head

    def reaches(self, seq: int) -> bool:
        """True if the ring holds everything after `seq` up to `head`."""
        return self.head - len(self._run) <= seq <= self.head

    def offer(self, entries: Sequence[Entry]) -> bool:
        """Accept entries in any order, doubled or not; True when `head` moved."""
        before = self.head
        for entry in entries:
            if entry.seq == self.head + 1:
                self._append(entry)
            elif entry.seq > self.head and len(self._out_of_order) < MAX_OUT_OF_ORDER:
                self._out_of_order[entry.seq] = entry
            if entry.seq > self.seen:
                self.seen = entry.seq
        if self._out_of_order and self.head != before:
            self._join_out_of_order()
        return self.head != before

    def jump(self) -> None:
        """Skip the gap: watchers read the missing entries from the log, and the ring continues after them."""
        kept: list[Entry] = []
        seq = self.seen
        while (entry := self._out_of_order.get(seq)) is not None:
            kept.append(entry)
            seq -= 1
        self._run.clear()  # Its entries are not consecutive with the ones after the gap.
        self._bytes = 0
        self._out_of_order.clear()
        self.head = seq
        for entry in reversed(kept):
            self._append(entry)

    def after(self, seq: int, upto: int, most: int, most_bytes: int) -> list[Entry] | None:
        """The entries after `seq` up to `upto`, within the bounds but at least one; None when the ring does not reach
        back to `seq`."""
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

    def _join_out_of_order(self) -> None:
        while (entry := self._out_of_order.pop(self.head + 1, None)) is not None:
            self._append(entry)
        self._out_of_order = {seq: entry for seq, entry in self._out_of_order.items() if seq > self.head}
