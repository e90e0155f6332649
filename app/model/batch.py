"""A batch: consecutive entries of one log, encoded once for all watchers at one position."""

from collections.abc import Callable, Sequence

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
        """The batch in this form, encoded once."""
        found = self._encoded.get(form)
        if found is None:
            found = self._encoded[form] = form(self)
        return found


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
