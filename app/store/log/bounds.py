"""The end of a page: a number of entries and of bytes, for rows whose size is known only once they are read."""

from app.model.update import Entry

_FIRST_ROWS = 64
_ROWS = 128  # Of 64 KiB at most: 8 MiB that one query may bring.


class PageBound:
    """Says how many rows to read next, and which entry no longer fits."""

    def __init__(self, limit: int, max_bytes: int) -> None:
        """The page has up to `limit` entries, and up to `max_bytes` of them, but for an entry that is larger alone."""
        self._limit = limit
        self._max_bytes = max_bytes
        self._entries = 0
        self._bytes = 0
        self._read = 0
        self.is_full = False

    def rows(self) -> int:
        """How many rows the next query may bring: one more than fit, so that the last page is known for it."""
        rows = min(_ROWS if self._read else _FIRST_ROWS, self._limit + 1 - self._entries)
        self._read += rows
        return rows

    def fits(self, entry: Entry) -> bool:
        """Take the entry in; False, and the page is full, where that is one or some bytes too many."""
        size = self._bytes + len(entry.json)
        if self._entries == self._limit or (self._entries and size > self._max_bytes):
            self.is_full = True
            return False
        self._entries, self._bytes = self._entries + 1, size
        return True
