"""RFC 6455, section 10.4: what one client sends is bounded in size and number, whether it reads responses or not."""

import asyncio
import contextlib

import pytest

from tests.faults.observed import MIB, resident
from tests.support.peer import CONTINUATION, LIMIT, Peer, close_frame, fragments, talking
from tests.support.process import HubProcess
from tests.support.raw_socket import BINARY, PING, PONG, TEXT, frame

PADDED = b'{"type":"ping","ref":1}'.ljust(LIMIT)

TOO_LARGE = {
    "one frame": [frame(TEXT, PADDED + b" ")],
    "two frames": [frame(TEXT, PADDED, fin=False), frame(CONTINUATION, b" ")],
    "frames of 126 bytes": fragments(PADDED + b" ", 126),
    "frames of one KiB of bytes": fragments(PADDED + b" ", 1024, BINARY),
    "one with a length of 2 to the 62nd": [frame(TEXT, PADDED + b" ", length=2**62)],
}


@pytest.mark.parametrize("sent", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_a_message_over_the_limit_is_closed_with_1009(peer: Peer, sent: list[bytes]) -> None:
    """7.4.1."""
    assert await peer.answered(*sent) == 1009


@pytest.mark.parametrize("size", [126, 1024, 65_535, LIMIT])
async def test_a_message_of_exactly_the_limit_is_accepted_in_frames_of_any_size(peer: Peer, size: int) -> None:
    """Any number of frames of that size is no flood."""
    for _ in range(4):
        await peer.send(b"".join(fragments(PADDED, size)))
        assert (await peer.message("pong"))["ref"] == 1


async def test_after_1009_frames_are_ignored_until_the_client_s_close(peer: Peer) -> None:
    await peer.send(frame(TEXT, PADDED + b" "))
    await asyncio.sleep(0)
    await peer.send(frame(TEXT, b'{"type":"ping"}') * 100 + frame(PING, b"?") * 100 + close_frame(1009))

    assert await peer.failed_with() == 1009


FLOODS = {
    "pings": frame(PING, b""),
    "large pings": frame(PING, b"x" * 125),
    "pongs": frame(PONG, b""),
    "empty fragments": frame(CONTINUATION, b"", fin=False),
    "fragments of one byte": frame(CONTINUATION, b" ", fin=False),
}


@pytest.mark.parametrize("name", ["pongs", "empty fragments", "fragments of one byte"])
async def test_a_flood_of_frames_without_a_message_is_closed_with_1008(peer: Peer, name: str) -> None:
    """Each frame costs the hub more to parse than the client to send."""
    await peer.send(frame(TEXT, b'{"type":', fin=False))
    await peer.pour(FLOODS[name] * 500, 20)

    assert await peer.failed_with() == 1008


@pytest.mark.parametrize("name", ["pings", "large pings"])
async def test_a_flood_of_pings_ends_the_connection_after_some_pongs(peer: Peer, name: str) -> None:
    """The close frame is lost if the pongs before it were not read yet: TCP resets a connection that still sends."""
    pouring = asyncio.create_task(peer.pour(FLOODS[name] * 500, 100))
    pongs, code = 0, None
    with contextlib.suppress(EOFError, ConnectionError):
        while (found := await peer.frame()).opcode == PONG:
            pongs += 1
        code = found.code
    await pouring

    assert pongs <= 3000
    assert code in (None, 1008)


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_a_flood_after_1009_fills_no_memory_and_is_cut(hub: HubProcess, flood: bytes) -> None:
    before = resident(hub)
    async with talking(hub.port) as peer:
        await peer.send(frame(TEXT, PADDED + b" ", fin=False))
        taken = await peer.pour(flood * 5000, 1000)
        grown = resident(hub) - before

    assert grown < 8 * MIB, f"{grown / MIB:.0f} MiB more"
    assert taken < 1000


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
@pytest.mark.parametrize("begin", [b"", frame(TEXT, PADDED + b" ", fin=False)], ids=["at once", "after 1009"])
async def test_a_flood_does_not_delay_another_connection(hub: HubProcess, begin: bytes, flood: bytes) -> None:
    async with talking(hub.port) as other, talking(hub.port) as peer:
        await peer.send(begin + frame(TEXT, b"", fin=False))
        pouring = asyncio.create_task(peer.pour(flood * 2000, 200))
        async with asyncio.timeout(1.5):
            for _ in range(5):
                await other.still_answers()
        pouring.cancel()
        await asyncio.wait({pouring})


@pytest.mark.parametrize("flood", [frame(PING, b"x" * 125), frame(PONG, b"")], ids=["pings", "pongs"])
async def test_a_flood_from_a_client_that_reads_nothing_fills_no_memory(hub: HubProcess, flood: bytes) -> None:
    """The hub queues no responses without a bound: it stops reading from the client."""
    before = resident(hub)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(10):
            peer = await stack.enter_async_context(Peer(hub.port, receive_buffer=4096))
            await peer.upgrade()
            await peer.pour(flood * 1000, 100, within=0.2)
        grown = resident(hub) - before

    assert grown < 8 * MIB, f"{grown / MIB:.0f} MiB more"
