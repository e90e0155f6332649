"""Which updates of a channel a reader of its history asks for."""

from dataclasses import dataclass

from app.model.update import words_of


@dataclass(frozen=True, slots=True)
class Filter:
    """Which updates of a channel are wanted; `words` must all occur, and where a search has none nothing is found."""

    level: str | None = None
    tag: str | None = None
    key: str | None = None
    words: tuple[str, ...] | None = None

    @classmethod
    def of(cls, level: str | None, tag: str | None, key: str | None, q: str | None) -> "Filter":
        """A filter from what a caller typed."""
        return cls(level, tag, key, None if q is None else tuple(dict.fromkeys(words_of(q))))
