"""RFC 6455, section 5.4: a message in several frames, and which frames are allowed between them."""

import pytest

from tests.support.peer import CONTINUATION, Peer, fragments
from tests.support.raw_socket import BINARY, PING, PONG, TEXT, frame

MESSAGE = '{"type":"ping","ref":"é…🌊"}'.encode()
EMPTY = frame(CONTINUATION, b"", fin=False)


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(MESSAGE) - 1, len(MESSAGE)])
async def test_a_message_may_have_any_number_of_frames(peer: Peer, size: int) -> None:
    """A fragment may end inside a character (5.6)."""
    await peer.send(b"".join(fragments(MESSAGE, size)))

    assert (await peer.message("pong"))["ref"] == "é…🌊"


async def test_each_frame_of_a_message_may_be_empty(peer: Peer) -> None:
    await peer.send(frame(TEXT, b"", fin=False) + EMPTY + EMPTY + frame(CONTINUATION, MESSAGE, fin=False) + EMPTY)
    await peer.send(frame(CONTINUATION, b""))

    assert (await peer.message("pong"))["ref"] == "é…🌊"


async def test_a_fragmented_message_may_arrive_byte_by_byte(peer: Peer) -> None:
    await peer.drip(b"".join(fragments(MESSAGE, 2)))

    assert (await peer.message("pong"))["ref"] == "é…🌊"


async def test_a_ping_between_two_frames_is_answered_before_the_message(peer: Peer) -> None:
    """5.4, 5.5: this is a purpose of fragmentation."""
    parts = fragments(MESSAGE, 5)
    for number, part in enumerate(parts[:-1]):
        await peer.send(part + frame(PING, bytes((number,))) + frame(PONG, b"unsolicited"))
        found = await peer.frame()
        assert (found.opcode, found.payload) == (PONG, bytes((number,)))
    await peer.send(parts[-1])

    assert (await peer.message("pong"))["ref"] == "é…🌊"


async def test_a_binary_message_in_several_frames_is_one_message(peer: Peer) -> None:
    """The hub accepts texts only, and sends one error."""
    await peer.send(b"".join(fragments(MESSAGE, 5, BINARY)))

    assert (await peer.message("error"))["code"] == "invalid_request"
    await peer.still_answers()


BROKEN = {
    "a continuation of nothing": frame(CONTINUATION, MESSAGE),
    "one that is not the last": frame(CONTINUATION, MESSAGE, fin=False),
    "an empty one": frame(CONTINUATION, b""),
    "a text inside a text": frame(TEXT, b'{"type"', fin=False) + frame(TEXT, MESSAGE),
    "bytes inside a text": frame(TEXT, b'{"type"', fin=False) + frame(BINARY, b"x"),
    "a text inside bytes": frame(BINARY, b"x", fin=False) + frame(TEXT, MESSAGE),
    "a ping in two frames": frame(PING, b"half", fin=False) + frame(CONTINUATION, b"half"),
    "a pong in two frames": frame(PONG, b"half", fin=False),
    "a close frame in two frames": frame(0x8, b"\x03\xe8", fin=False),
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
async def test_a_frame_in_an_invalid_order_fails_the_connection_with_1002(peer: Peer, sent: bytes) -> None:
    """5.4, 5.5."""
    assert await peer.answered(sent) == 1002


async def test_a_continuation_after_the_end_of_a_message_continues_nothing(peer: Peer) -> None:
    await peer.send(b"".join(fragments(MESSAGE, 5)))
    await peer.message("pong")

    assert await peer.answered(frame(CONTINUATION, b"more")) == 1002
