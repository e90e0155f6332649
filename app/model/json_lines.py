"""JSON that is one line for every reader: NDJSON, server-sent events and frames of the websocket need that."""

# In JSON they stand within texts only; `str.splitlines()` and clients built on it, such as httpx, end a line at them.
_LINE_ENDS = tuple((end.encode(), f"\\u{ord(end):04x}".encode()) for end in "\u0085\u2028\u2029")


def one_line(encoded: bytes) -> bytes:
    """The encoded JSON with U+0085, U+2028 and U+2029 escaped; a JSON encoder escapes all other ends of a line."""
    if not encoded.isascii():
        for raw, escaped in _LINE_ENDS:
            encoded = encoded.replace(raw, escaped)
    return encoded
