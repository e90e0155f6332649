"""Encoded words: how a client that can send only ASCII in a header writes other characters (RFC 2047)."""

import re
from base64 import b64decode
from binascii import a2b_qp
from itertools import groupby

_MAX_CHARACTERS = 8192  # No field that a header fills takes as many.
# Charset, perhaps a language (RFC 2231, 5), encoding, text. Spaces in the text are common, and clear.
_WORD = re.compile(r"=\?([^?*\s]+)(?:\*[^?\s]*)?\?([BbQq])\?([ ->@-~]*)\?=")
_WORDS = re.compile(rf"{_WORD.pattern}(?:\s+{_WORD.pattern})*")

# Codecs of Python's that are no charset of MIME's; and what MIME writes otherwise than Python: windows-874, x-sjis, and
# Hebrew and Arabic with their direction.
_NO_CHARSET = re.compile(r"(raw[-_]?)?unicode[-_]escape|punycode|idna|undefined|mbcs|oem|.*[-_]codec")
_PYTHONS = re.compile(r"^windows-(?=874$)|^x-|(?<=^iso-8859-[68])-[ie]$")


def decoded(value: str) -> str:
    """The header's value with its encoded words decoded; one that can't be decoded stays as it is (RFC 2047, 6.3)."""
    return _WORDS.sub(_decoded, value) if "=?" in value and len(value) <= _MAX_CHARACTERS else value


def _decoded(found: re.Match[str]) -> str:
    """Adjacent words, without the space between them (RFC 2047, 6.2). Some clients cut a character in two."""
    words = groupby(_WORD.findall(found[0]), key=lambda word: word[0].lower())
    try:
        text = "".join(_text(charset, b"".join(_bytes(each[1], each[2]) for each in same)) for charset, same in words)
        text.encode()  # UTF-7 has a form for half a character.
    except (LookupError, ValueError):  # An unknown charset, or bytes that are none of it.
        return found[0]
    return text


def _text(charset: str, encoded: bytes) -> str:
    if _NO_CHARSET.fullmatch(charset):
        raise LookupError(charset)
    return encoded.decode(_PYTHONS.sub(lambda name: "cp" if name[0] == "windows-" else "", charset))


def _bytes(encoding: str, text: str) -> bytes:
    if encoding in "Qq":
        return a2b_qp(text.encode(), header=True)
    return b64decode(text + "=" * (-len(text) % 4), validate=True)
