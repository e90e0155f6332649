"""RFC 6455, sections 5.1 to 5.3: lengths, masks, reserved bits and opcodes, in both directions."""

import json
import struct

import pytest

from tests.support.peer import LIMIT, Peer
from tests.support.raw_socket import BINARY, PING, TEXT, frame

PING_MESSAGE = b'{"type":"ping","ref":1}'
PONG = b'{"type":"pong","ref":""}'  # As the server writes it, around the ref.
RESERVED_OPCODES = (0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF)


def head(size: int) -> bytes:
    """The head of a server's text frame of that size: the shortest form of the length, and no mask."""
    if size < 126:
        return struct.pack("!BB", 0x81, size)
    return struct.pack("!BBH", 0x81, 126, size) if size < 65536 else struct.pack("!BBQ", 0x81, 127, size)


@pytest.mark.parametrize("size", [23, 124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537, LIMIT])
async def test_the_client_may_send_a_length_of_each_form(peer: Peer, size: int) -> None:
    """5.2. The JSON is padded with spaces."""
    await peer.send(frame(TEXT, PING_MESSAGE.ljust(size)))

    assert await peer.message("pong") == {"type": "pong", "ref": 1}


@pytest.mark.parametrize("size", [24, 125, 126, 127, 65_535, 65_536, 65_537, 98_000])
async def test_the_server_sends_the_shortest_form_of_the_length_and_no_mask(peer: Peer, size: int) -> None:
    """5.1, 5.2."""
    ref = "x" * (size - len(PONG))
    await peer.send_message({"type": "ping", "ref": ref})
    whole = await peer.until(b'"}')

    assert whole[:-size] == head(size)
    assert json.loads(whole[-size:]) == {"type": "pong", "ref": ref}


async def test_an_empty_text_is_ignored_and_other_invalid_messages_get_an_error(peer: Peer) -> None:
    """5.2, 5.6. The text of one byte and the empty binary message are not messages of the protocol."""
    await peer.send(frame(TEXT, b"") + frame(TEXT, b"x") + frame(BINARY, b""))

    assert [error["code"] for error in await peer.received("error", 2)] == ["invalid_request"] * 2
    await peer.still_answers()


@pytest.mark.parametrize("mask", [bytes(4), b"\xff" * 4, b"\x01\x02\x03\x04", b"\x80\x00\x00\x01"], ids=bytes.hex)
@pytest.mark.parametrize("padding", range(4))
async def test_any_mask_is_removed(peer: Peer, mask: bytes, padding: int) -> None:
    """5.3."""
    await peer.send(frame(TEXT, PING_MESSAGE + b" " * padding, mask=mask))

    assert (await peer.message("pong"))["ref"] == 1


async def test_a_frame_may_arrive_byte_by_byte(peer: Peer) -> None:
    """The boundaries of TCP segments have no meaning. Thousands of segments are no flood of frames."""
    await peer.drip(frame(TEXT, PING_MESSAGE.ljust(3000)))

    assert (await peer.message("pong"))["ref"] == 1


BROKEN = {
    **{f"reserved bits {bits:03b}": frame(TEXT, PING_MESSAGE, reserved=bits) for bits in range(1, 8)},
    "RSV1 of a deflate that was declined": frame(TEXT, b"\xaaV*\xa9,HU\xb2R\xca\xccK\xcfW\xaa\x05\x00", reserved=4),
    "a reserved bit on a ping": frame(PING, b"", reserved=2),
    **{f"reserved opcode {opcode:x}": frame(opcode, b"") for opcode in RESERVED_OPCODES},
    **{f"reserved opcode {opcode:x} with a payload": frame(opcode, b"xyz") for opcode in RESERVED_OPCODES},
    "no mask": frame(TEXT, PING_MESSAGE, masked=False),
    "no mask on a ping": frame(PING, b"", masked=False),
    "no mask on a close frame": frame(0x8, b"\x03\xe8", masked=False),
    "125 in two bytes": struct.pack("!BBH", 0x81, 0x80 | 126, 125),
    "0 in two bytes": struct.pack("!BBH", 0x81, 0x80 | 126, 0),
    "65,535 in eight bytes": struct.pack("!BBQ", 0x81, 0x80 | 127, 65_535),
    "5 in eight bytes": struct.pack("!BBQ", 0x81, 0x80 | 127, 5),
    "a length of 2 to the 63rd": struct.pack("!BBQ", 0x81, 0x80 | 127, 2**63),
    "a ping's length in two bytes": struct.pack("!BBH", 0x89, 0x80 | 126, 125),
    "another HTTP request": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
async def test_a_broken_frame_fails_the_connection_with_1002(peer: Peer, sent: bytes) -> None:
    """5.1, 5.2, 7.1.7, 7.4.1."""
    assert await peer.answered(sent) == 1002


@pytest.mark.parametrize("name", ["reserved bits 100", "reserved opcode b", "no mask", "5 in eight bytes"])
async def test_a_broken_frame_that_arrives_byte_by_byte_fails_the_connection_with_1002(peer: Peer, name: str) -> None:
    """It fails as soon as the error is detected, which may be before the frame is complete."""
    await peer.drip(BROKEN[name][:10])

    assert await peer.failed_with() == 1002
