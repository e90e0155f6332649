"""RFC 6455, sections 5.6 and 8.1: a text is UTF-8, or the connection fails with 1007 as soon as that is detected."""

import json

import pytest

from tests.support.peer import CONTINUATION, Peer, fragments
from tests.support.raw_socket import BINARY, PING, PONG, TEXT, frame

VALID = (
    "",
    "plain",
    "κόσμε",
    "\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff",  # The first and last of each length, and around the surrogates.
    "\U00010000\U0010ffff",
    "\ufeff\ufffe\ufdd0\U0001fffe",  # A byte order mark and noncharacters are characters here.
    "e\u0301 and é",
    "🏴‍☠️",
)
INVALID = {
    "a continuation byte alone": b"\x80",
    "the last continuation byte": b"\xbf",
    "a lead without its continuation": b"\xc3 ",
    "a lead after a lead": b"\xe2\xe2",
    "three bytes cut after two": b"\xe2\x82 ",
    "four bytes cut after three": b"\xf0\x9f\x8c ",
    "an overlong slash in two": b"\xc0\xaf",
    "in three": b"\xe0\x80\xaf",
    "in four": b"\xf0\x80\x80\xaf",
    "an overlong U+07FF": b"\xe0\x9f\xbf",
    "an overlong U+FFFF": b"\xf0\x8f\xbf\xbf",
    "the first surrogate": b"\xed\xa0\x80",
    "the last surrogate": b"\xed\xbf\xbf",
    "a pair of surrogates": b"\xed\xa0\x80\xed\xb0\x80",
    "beyond U+10FFFF": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "FE": b"\xfe",
    "FF": b"\xff",
}


def around(part: bytes) -> bytes:
    """A message that is valid except for that part."""
    return b'{"type":"ping","ref":"' + part + b'"}'


@pytest.mark.parametrize("text", VALID, ids=ascii)
async def test_a_valid_text_is_received_unchanged(peer: Peer, text: str) -> None:
    payload = json.dumps({"type": "ping", "ref": text}, ensure_ascii=False).encode()
    await peer.send(frame(TEXT, payload) + b"".join(fragments(payload, 1)))

    assert [pong["ref"] for pong in await peer.received("pong", 2)] == [text, text]


@pytest.mark.parametrize("part", INVALID.values(), ids=INVALID)
@pytest.mark.parametrize("size", [1000, 1], ids=["whole", "a frame a byte"])
async def test_a_text_that_is_not_utf_8_fails_the_connection_with_1007(peer: Peer, part: bytes, size: int) -> None:
    assert await peer.answered(*fragments(around(part), size)) == 1007


@pytest.mark.parametrize("cut", range(1, 4))
async def test_a_text_may_not_end_inside_a_character(peer: Peer, cut: int) -> None:
    assert await peer.answered(frame(TEXT, b'"' + "🌊".encode()[:cut])) == 1007


@pytest.mark.parametrize("part", INVALID.values(), ids=INVALID)
async def test_an_invalid_text_fails_before_its_last_frame(peer: Peer, part: bytes) -> None:
    """More frames of the message would follow."""
    assert await peer.answered(frame(TEXT, around(part), fin=False)) == 1007


async def test_an_invalid_text_fails_before_the_end_of_its_frame(peer: Peer) -> None:
    assert await peer.answered(frame(TEXT, b'{"type":"\xff', length=50_000)) == 1007


async def test_a_ping_may_arrive_inside_a_character(peer: Peer) -> None:
    wave = "🌊".encode()
    await peer.send(frame(TEXT, b'{"type":"ping","ref":"' + wave[:2], fin=False) + frame(PING, b"\xff"))
    await peer.send(frame(CONTINUATION, wave[2:] + b'"}'))

    assert (await peer.frame()).payload == b"\xff"
    assert (await peer.message("pong"))["ref"] == "🌊"


@pytest.mark.parametrize("opcode", [PONG, BINARY])
async def test_only_texts_have_to_be_utf_8(peer: Peer, opcode: int) -> None:
    await peer.send(frame(opcode, b"\xff\xfe\x80"))

    await peer.still_answers()
