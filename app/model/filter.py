"""The filter of a channel's history."""

from dataclasses import dataclass

from app.model.update import words_of


@dataclass(frozen=True, slots=True)
class Filter:
    """The updates to return. All of `words` must occur; a search without a word finds nothing."""

    level: str | None = None
    tag: str | None = None
    key: str | None = None
    words: tuple[str, ...] | None = None

    @classmethod
    def of(cls, level: str | None, tag: str | None, key: str | None, q: str | None) -> "Filter":
        """A filter from a call's parameters."""
        return cls(level, tag, key, None if q is None else tuple(dict.fromkeys(words_of(q))))
