"""An update: its fields, each with its rule; its encoding, which is done once; and its words for the search."""

import re
import secrets
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal
from unicodedata import category, is_normalized, normalize

import msgspec
from msgspec import UNSET, Struct

from app.model.rules import one_of, rule, text

MAX_BODY_BYTES = 32 * 1024
MAX_DATA_BYTES = 32 * 1024
MAX_DATA_LEVELS = 100
MAX_UPDATE_BYTES = 64 * 1024
MAX_BATCH = 500
MAX_TAGS = 10
MAX_TAG = 40
ENVELOPE_BYTES = 512  # What the server adds around a draft: channel, epoch, seq, id, at, author, and their names.

Level = Literal["debug", "info", "success", "warning", "error", "critical"]
Format = Literal["text", "markdown"]
Tag = Annotated[str, text(1, MAX_TAG)]
_KIB = 1024


class Draft(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An update as its publisher gives it. A field that is null counts as absent, except `data`."""

    title: Annotated[str, text(1, 200)] | None = None
    body: Annotated[str, rule(f"text, up to {MAX_BODY_BYTES // _KIB} KiB as UTF-8")] | None = None
    format: Annotated[Format, one_of(Format, "how body is to be shown, text where absent")] | None = None
    level: Annotated[Level, one_of(Level, "info where absent")] | None = None
    tags: (
        Annotated[
            tuple[Tag, ...],
            rule(f"a list of up to {MAX_TAGS} texts, each 1 to {MAX_TAG} characters", max_length=MAX_TAGS),
        ]
        | None
    ) = ()
    link: Annotated[str, text(0, 2048, kind="an http or https URL")] | None = None
    key: Annotated[str, text(1, 80, "names the thing that the update is about")] | None = None
    value: Annotated[int | float, rule("a finite number")] | None = None
    unit: Annotated[str, text(0, 16, "the unit of value")] | None = None
    progress: Annotated[float, rule("a number from 0 to 1", ge=0, le=1)] | None = None
    status: Annotated[str, text(1, 40, "such as up, down or running")] | None = None
    data: Annotated[
        Any,
        rule(
            f"any JSON, up to {MAX_DATA_BYTES // _KIB} KiB encoded and nested in up to {MAX_DATA_LEVELS} levels",
            "null is a value here",
        ),
    ] = UNSET
    gone: Annotated[bool, rule("true, and only together with key", "takes that key off the board")] | None = None

    @property
    def words(self) -> str | None:
        """The words for full-text search: those of its texts in lower case, or None."""
        texts = [each for each in (self.title, self.body, self.key, self.status, *(self.tags or ())) if each]
        return " ".join(words_of(" ".join(texts))) or None


class Entry(Struct, frozen=True, gc=False):
    """One entry of a channel's log, already encoded as the live `update` message."""

    seq: int
    json: bytes

    @property
    def update_id(self) -> str:
        """The id, read from the encoded form."""
        at = self.json.index(b'"id":"') + 6  # The first match: slug and epoch before it can't contain a quote.
        return self.json[at : at + 36].decode()


_TYPE = b'{"type":"update",'
# In JSON they stand within texts only; `str.splitlines()` and clients built on it, such as httpx, end a line at them.
_LINE_ENDS = tuple((end.encode(), f"\\u{ord(end):04x}".encode()) for end in "\u0085\u2028\u2029")


def encode_entry(slug: str, epoch: str, seq: int, update_id: str, at: int, author: str | None, fields: bytes) -> Entry:
    """The entry, one line, around `fields`, a draft's encoded object; `at` is in milliseconds since 1970, UTC."""
    head = (
        f'{{"type":"update","channel":"{slug}","epoch":"{epoch}","seq":{seq},"id":"{update_id}",'
        f'"at":"{rfc3339(at)}","author":{_json(author)},'
    )
    return Entry(seq, one_line(head.encode() + fields[1:]))


def one_line(encoded: bytes) -> bytes:
    """The encoded JSON with U+0085, U+2028 and U+2029 escaped; a JSON encoder escapes all other ends of a line.

    NDJSON, server-sent events and frames of the websocket need one line for every reader.
    """
    if not encoded.isascii():
        for raw, escaped in _LINE_ENDS:
            encoded = encoded.replace(raw, escaped)
    return encoded


@lru_cache(1000)
def _json(author: str | None) -> str:
    return msgspec.json.encode(author).decode()


def bare(entry: Entry) -> bytes:
    """The update object without its message type, as HTTP answers contain it."""
    return b"{" + entry.json[len(_TYPE) :]


@lru_cache(1000)  # Updates that are committed together have the same time, and often those that are read together.
def rfc3339(at: int) -> str:
    """Milliseconds since 1970 as 2026-11-21T09:30:00.123Z (RFC 3339, 5.6)."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at % 1000:03d}Z"


_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def new_update_id(at: int) -> str:
    """A UUID version 7 (RFC 9562, 5.7): sorted by its time, unique by 74 random bits."""
    time, random = f"{at:012x}", secrets.token_bytes(10).hex()
    return f"{time[:8]}-{time[8:]}-7{random[:3]}-{_VARIANT[random[3]]}{random[4:7]}-{random[8:]}"


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
    """The words, each up to 200 characters: runs of letters and digits, with combining marks.

    Words that differ only in case, in how a character is composed, or in its width or form, are the same (Unicode's
    NFKC_Casefold: STRASSE and straße, ＡＢＣ and abc), and so are those of Turkish with and without the dot of İ.
    Characters that only change how a word is shown, such as a soft hyphen or a joiner, are left out of it.
    """
    if text.isascii():  # Nearly all texts are, and for them this is seven times as fast.
        words = text.encode().translate(_ASCII).decode().split()
        if len(text) <= _MAX_WORD_CHARACTERS:
            return words
    else:
        # Composed last: "=" and the mark of "≠" are one character then, which is no letter.
        words = normalize("NFC", " ".join(_MARKED_WORD.findall(_OTHERS.sub(_joined, _folded(text))))).split()
    # A dump or a key may be one long word, and PostgreSQL's index accepts none over 2712 bytes.
    return [word[:_MAX_WORD_CHARACTERS] for word in words]


def _folded(text: str) -> str:
    folded = text.casefold()
    if not (is_normalized("NFKC", text) and is_normalized("NFKC", folded)):
        # Twice, because a form may hold a capital, and a fold may hold a form (Unicode 3.13, D146).
        folded = normalize("NFKC", normalize("NFKC", normalize("NFD", text).casefold()).casefold())
    return folded.replace("i\u0307", "i")


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
