"""The fast path for a client's messages: whole texts in one frame each, read without a parser.

Nearly every message is such a text (RFC 6455, 5.2). It costs 2 µs here and 12 µs in wsproto; the benchmark `publish`
shows it, in its publishes by websocket.
"""

_WHOLE_TEXT, _MASKED, _TWO_BYTES = 0x81, 0x80, 126  # Values of a frame's head; 127 announces a length of eight bytes.
# An incomplete text of up to so many bytes waits for its rest. A longer one goes to the parser, which keeps its parts;
# joined here, one that arrives byte by byte would be copied at each.
_MAX_INCOMPLETE_BYTES = 4096


def read_texts(data: bytes, max_bytes: int) -> tuple[list[str], int, bool]:
    """The texts that `data` begins with, each of up to `max_bytes` bytes; where the rest begins; and whether the rest
    is the beginning of a small text that is still to come. Any other rest is for the parser."""
    texts: list[str] = []
    at, end = 0, len(data)
    while at < end:
        size, begin = data[at + 1] - _MASKED if at + 1 < end else 0, at + 2
        if size >= _TWO_BYTES:
            if size > _TWO_BYTES:
                break
            size, begin = int.from_bytes(data[at + 2 : at + 4]), at + 4
            if size < _TWO_BYTES and begin <= end:
                break  # It fits in one byte (5.2), so the frame is broken.
        if data[at] != _WHOLE_TEXT or not 0 <= size <= max_bytes:
            break
        after = begin + 4 + size
        if after > end:
            return texts, at, size <= _MAX_INCOMPLETE_BYTES
        text = _unmasked(data[begin : begin + 4], data[begin + 4 : after])
        if text is None:
            break
        texts.append(text)
        at = after
    return texts, at, False


def _unmasked(mask: bytes, payload: bytes) -> str | None:
    """The text (5.3), None for what is not UTF-8."""
    size = len(payload)
    plain = int.from_bytes(payload) ^ int.from_bytes((mask * (size // 4 + 1))[:size])
    try:
        return plain.to_bytes(size).decode()
    except UnicodeDecodeError:
        return None
