"""RFC 6455, sections 5.5.1 and 7: how a connection ends, and what each side sends."""

import pytest

from tests.support.peer import Peer, close_frame, talking
from tests.support.process import HubProcess
from tests.support.raw_socket import CLOSE, PING, TEXT, frame

PING_MESSAGE = frame(TEXT, b'{"type":"ping"}')
CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999)
NEVER_SENT = (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)
REASONS = (b"", b"done", "bis später 🌊".encode(), b"x" * 123)


@pytest.mark.parametrize("code", CODES)
async def test_a_close_is_answered_with_its_own_code(peer: Peer, code: int) -> None:
    """5.5.1, 7.4.1, 7.4.2."""
    assert await peer.answered(close_frame(code)) == code


@pytest.mark.parametrize("reason", REASONS)
async def test_a_close_may_give_a_reason(peer: Peer, reason: bytes) -> None:
    """7.1.6."""
    assert await peer.answered(close_frame(1000, reason)) == 1000


async def test_a_close_without_a_code_is_answered_without_one(peer: Peer) -> None:
    """7.1.5: 1005 is never sent."""
    await peer.send(frame(CLOSE, b""))
    before, close = await peer.ended()

    assert (before, close.payload) == ([], b"")


async def test_a_close_frame_may_arrive_byte_by_byte(peer: Peer) -> None:
    await peer.drip(close_frame(4000, b"slowly"))

    assert await peer.failed_with() == 4000


@pytest.mark.parametrize("code", NEVER_SENT)
async def test_a_reserved_code_is_a_protocol_error(peer: Peer, code: int) -> None:
    """7.4.1, 7.4.2; above 4999 nothing is defined."""
    assert await peer.answered(close_frame(code, b"why not")) == 1002


async def test_a_close_frame_of_one_byte_is_a_protocol_error(peer: Peer) -> None:
    """5.5.1: a body begins with two bytes."""
    assert await peer.answered(frame(CLOSE, b"\x03")) == 1002


@pytest.mark.parametrize("reason", [b"\xff", b"\xed\xa0\x80", "…".encode()[:2], b"ok until \xc0\xaf here"])
async def test_a_reason_that_is_not_utf_8_is_answered_with_1007(peer: Peer, reason: bytes) -> None:
    """5.5.1, 8.1."""
    assert await peer.answered(close_frame(1000, reason)) == 1007


@pytest.mark.parametrize(
    "after",
    [PING_MESSAGE, frame(PING, b"?"), close_frame(4001), b"\xff\xff\xff no frame"],
    ids=["message", "ping", "close", "no frame"],  # Masks are random, and the workers must agree on names.
)
async def test_what_follows_a_close_frame_is_ignored(peer: Peer, after: bytes) -> None:
    """5.5.1, 7.1.7: the server responds with one close frame of the first code, and nothing else."""
    assert await peer.answered(close_frame(1000), after) == 1000


async def test_what_follows_a_protocol_error_is_ignored(peer: Peer) -> None:
    """7.1.7: a close frame is ignored as well."""
    assert await peer.answered(frame(0x3, b""), PING_MESSAGE, close_frame(1000)) == 1002


async def test_a_close_inside_a_message_ends_both(peer: Peer) -> None:
    """5.4, 5.5: control frames are allowed between fragments."""
    assert await peer.answered(frame(TEXT, b'{"type":', fin=False), close_frame(1000)) == 1000


async def test_messages_before_a_close_may_be_answered_and_nothing_after_it(peer: Peer) -> None:
    """5.5.1."""
    await peer.send(PING_MESSAGE * 20 + close_frame(1000))
    before, close = await peer.ended()

    assert close.code == 1000
    assert all(found.opcode == TEXT for found in before)


async def test_a_half_closed_connection_is_closed(hub: HubProcess) -> None:
    """7.1.1, 7.1.5: a client that ends its side of TCP without a close frame is gone (1006), and the hub closes too."""
    for sent in (b"", frame(TEXT, b'{"type":', fin=False), PING_MESSAGE[:5], frame(PING, b"x" * 20)[:10]):
        async with talking(hub.port) as peer:
            await peer.send(sent)
            peer.shut()

            assert await peer.rest() == b""
