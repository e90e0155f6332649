"""Whole texts are read directly from the bytes; the rest is left from where it begins."""

import pytest

from app.transport.text_frames import read_texts

MASK = b"\x01\x02\x03\x04"
MAX_BYTES = 70_000


def text(message: str, *, mask: bytes = MASK, head: int = 0x81) -> bytes:
    """One frame as a client sends it."""
    payload = message.encode()
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2)
    return bytes([head]) + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535])
def test_texts_of_every_length_are_read_up_to_the_first_other_frame(size: int) -> None:
    ping = b"\x89\x80" + MASK
    data = text("x" * size) + text("é") + ping + text("after")

    texts, at, is_incomplete = read_texts(data, MAX_BYTES)

    assert (texts, data[at:], is_incomplete) == (["x" * size, "é"], ping + text("after"), False)


@pytest.mark.parametrize("message", ["hello", "x" * 300])
def test_every_prefix_of_a_small_text_is_incomplete(message: str) -> None:
    whole, next_one = text("whole"), text(message)

    found = [read_texts(whole + next_one[:cut], MAX_BYTES) for cut in range(1, len(next_one))]

    assert found == [(["whole"], len(whole), True)] * len(found)


@pytest.mark.parametrize(
    "data",
    [
        text("fragment", head=0x01),
        text("reserved", head=0xC1),
        b"\x81\x02hi",  # Not masked.
        b"\x81\xfe\x00\x05" + MASK + b"hello",  # Two bytes for a length of one.
        b"\x81\xff" + (5).to_bytes(8) + MASK + b"hello",  # Eight bytes for it.
        b"\x81\x81\0\0\0\0\xff",  # Not UTF-8.
        text("x" * 2000)[:-1],  # Over the limit below.
        text("x" * 5000)[:-1],
    ],
)
def test_anything_else_is_left_for_the_parser(data: bytes) -> None:
    assert read_texts(data, 1000) == ([], 0, False)


def test_a_long_incomplete_text_is_left_for_the_parser() -> None:
    assert read_texts(text("x" * 5000)[:-1], MAX_BYTES) == ([], 0, False)
