"""RFC 6455, sections 5.5.2 and 5.5.3: every ping gets a pong, and an unsolicited pong is ignored."""

import struct

import pytest

from tests.support.peer import Peer
from tests.support.raw_socket import PING, PONG, frame


@pytest.mark.parametrize("size", [0, 1, 4, 124, 125])
async def test_a_pong_has_the_payload_of_its_ping(peer: Peer, size: int) -> None:
    payload = bytes(range(256))[-size:] if size else b""
    await peer.send(frame(PING, payload))
    found = await peer.frame()

    assert (found.opcode, found.payload) == (PONG, payload)


async def test_a_ping_may_arrive_byte_by_byte(peer: Peer) -> None:
    await peer.drip(frame(PING, b"slowly"))

    assert (await peer.frame()).payload == b"slowly"


async def test_each_of_a_thousand_pings_at_once_is_answered_in_order(peer: Peer) -> None:
    """5.5.3 permits answering only the last; the hub answers all, up to the limit for a flood."""
    expected = [struct.pack("!H", number) for number in range(1000)]
    await peer.send(b"".join(frame(PING, payload) for payload in expected))

    assert [(await peer.frame()).payload for _ in expected] == expected


@pytest.mark.parametrize("payload", [b"", b"unsolicited", b"x" * 125])
async def test_an_unsolicited_pong_is_ignored(peer: Peer, payload: bytes) -> None:
    await peer.send(frame(PONG, payload) * 10)

    await peer.still_answers()


@pytest.mark.parametrize("opcode", [PING, PONG, 0x8])
@pytest.mark.parametrize("size", [126, 65_535, 65_536])
async def test_a_control_frame_of_more_than_125_bytes_fails_the_connection_with_1002(
    peer: Peer, opcode: int, size: int
) -> None:
    """5.5."""
    assert await peer.answered(frame(opcode, b"x" * size)) == 1002
