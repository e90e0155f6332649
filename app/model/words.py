"""The words of a text, for full-text search: alike for what is stored, for a search, and on every database."""

import re
from functools import lru_cache
from unicodedata import category, normalize

_WORD = re.compile(r"[^\W_]+")
# Maps each byte of ASCII for a search: a letter to lower case, a digit to itself, others to a space between words.
_ASCII = bytes(ord(chr(code).lower()) if _WORD.match(chr(code)) else 32 for code in range(128)) + bytes(128)
_MAX_WORD_CHARACTERS = 200

# Python counts no combining mark as a part of a word. What is not ASCII and no letter goes to _joined() in short runs,
# which are few and recur, so that most are in its cache; then all of it that is left belongs to the word before it.
_OTHERS = re.compile(r"[^\w\x00-\x7f]{1,8}")
_MARKED_WORD = re.compile(r"[^\W_][^\x00-/:-@\[-`{-\x7f]*")
_IGNORED = re.compile("[\u034f\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")  # Variation selectors and such.
_ZERO_WIDTH_SPACE = "\u200b"  # Ends a word, in scripts that show no space.


def words_of(text: str) -> list[str]:
    """The words in lower case and NFC, each up to 200 characters: runs of letters and digits, with combining marks.

    Characters that only change how a word is shown, such as a soft hyphen or a joiner, are left out of it.
    """
    if text.isascii():  # Nearly all texts are, and for them this is seven times as fast.
        words = text.encode().translate(_ASCII).decode().split()
        if len(text) <= _MAX_WORD_CHARACTERS:
            return words
    else:
        # Composed last: "=" and the mark of "≠" are one character then, which is no letter.
        words = normalize("NFC", " ".join(_MARKED_WORD.findall(_OTHERS.sub(_joined, text.lower())))).split()
    # A dump or a key may be one long word, and PostgreSQL's index accepts none over 2712 bytes.
    return [word[:_MAX_WORD_CHARACTERS] for word in words]


def _joined(found: re.Match[str]) -> str:
    return _between(found[0])


@lru_cache(1000)
def _between(others: str) -> str:
    return "".join(map(_in_word, others))


def _in_word(other: str) -> str:
    """A mark itself; nothing for a character without a meaning of its own; a space for one between words."""
    kind = category(other)
    if kind == "Me" or (kind == "Cf" and other != _ZERO_WIDTH_SPACE) or _IGNORED.match(other):
        return ""
    return other if kind in ("Mn", "Mc") else " "
