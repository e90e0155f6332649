"""Malformed frames and messages: each gets an error or closes its own connection, and affects no other."""

import asyncio
import json

import pytest

from tests.faults.invariants import history
from tests.faults.observed import MIB, resident
from tests.support.process import HubProcess
from tests.support.raw_socket import BINARY, CLOSE, PING, PONG, TEXT, Frame, RawSocket, frame
from tests.support.ways import Way

LIMIT = 98_304  # bytes of one websocket message


async def ending(raw: RawSocket) -> Frame | None:
    """The close frame that ends the connection, or None when it ends without one; only the welcome may precede it."""
    try:
        while (found := await raw.frame()).opcode == TEXT:
            assert json.loads(found.payload)["type"] == "welcome", found
    except (EOFError, ConnectionError):
        return None
    assert found.opcode == CLOSE, found
    return found


BROKEN = {
    "a reserved bit": frame(TEXT, b'{"type":"ping"}', reserved=4),
    "another reserved bit": frame(TEXT, b'{"type":"ping"}', reserved=1),
    "an unknown opcode": frame(0x3, b"{}"),
    "an unknown control opcode": frame(0xB, b""),
    "no mask": frame(TEXT, b'{"type":"ping"}', masked=False),
    "a continuation of nothing": frame(0x0, b"{}"),
    "a new message inside a message": frame(TEXT, b'{"type"', fin=False) + frame(TEXT, b"{}"),
    "a fragmented ping": frame(PING, b"", fin=False),
    "a ping of 126 bytes": frame(PING, b"x" * 126),
    "text that is not UTF-8": frame(TEXT, b"\xff\xfe"),
    "UTF-8 cut in the middle": frame(TEXT, "…".encode()[:2]),
    "a close frame of one byte": frame(CLOSE, b"\x03"),
    "a close frame with a reserved code": frame(CLOSE, b"\x03\xed"),
    "bytes that are no frame": b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("way", Way, indirect=True)
async def test_a_broken_frame_ends_its_own_connection(hub: HubProcess) -> None:
    for what, sent in BROKEN.items():
        async with RawSocket(hub.port) as raw:
            await raw.upgrade()
            await raw.message("welcome")
            await raw.send(sent)
            found = await ending(raw)

            # hypercorn ends it without a close frame; another server may send a code (RFC 6455, 7.1.7 and 7.4.1).
            assert found is None or found.code == (1007 if "UTF-8" in what else 1002), what


TOO_LARGE = {
    "one frame": frame(TEXT, b"x" * (LIMIT + 1)),
    "two fragments": frame(TEXT, b"x" * LIMIT, fin=False) + frame(0x0, b"x"),
    "a tebibyte announced": frame(TEXT, b"x" * (LIMIT + 1), length=2**40),
    "a binary one": frame(BINARY, b"x" * (LIMIT + 1)),
    "one that closes afterwards": frame(TEXT, b"x" * (LIMIT + 1)) + frame(CLOSE, b"\x03\xe8") + b"and more",
}


@pytest.mark.parametrize("way", Way, indirect=True)
async def test_a_message_over_the_limit_closes_with_1009(hub: HubProcess) -> None:
    for what, sent in TOO_LARGE.items():
        async with RawSocket(hub.port) as raw:
            await raw.upgrade()
            await raw.send(sent)
            found = await ending(raw)

        assert found is not None and found.code == 1009, what


async def test_a_client_that_keeps_sending_after_1009_fills_no_memory_and_is_disconnected(hub: HubProcess) -> None:
    async with RawSocket(hub.port) as raw:
        await raw.upgrade()
        await raw.send(frame(BINARY, b"x" * (LIMIT + 1), length=2**40, mask=bytes(4)))
        before, most = resident(hub), 0
        cut = False
        async with asyncio.timeout(20):
            while not cut:
                try:
                    await raw.send(b"x" * MIB)
                except ConnectionError:
                    cut = True
                most = max(most, resident(hub))
                await asyncio.sleep(0.01)

    assert most - before < 16 * MIB, f"{(most - before) / MIB:.0f} MiB more"


async def test_a_message_of_exactly_the_limit_is_accepted(hub: HubProcess) -> None:
    padded = json.dumps({"type": "ping", "ref": 1}).encode().ljust(LIMIT)
    async with RawSocket(hub.port) as raw:
        await raw.upgrade()
        for fragments in (1, 2, 97):
            size = LIMIT // fragments + 1
            parts = [padded[at : at + size] for at in range(0, LIMIT, size)]
            for number, part in enumerate(parts):
                await raw.send(frame(0 if number else TEXT, part, fin=number == len(parts) - 1))
            assert (await raw.message("pong"))["ref"] == 1


INVALID = (
    frame(TEXT, b"{"),
    frame(TEXT, b"[]"),
    frame(TEXT, b"null"),
    frame(TEXT, b'"ping"'),
    frame(TEXT, b"{}"),
    frame(TEXT, b'{"type":"nonsense"}'),
    frame(TEXT, b'{"type":["ping"]}'),
    frame(TEXT, b'{"type":"subscribe"}'),
    frame(TEXT, b'{"type":"subscribe","channel":7}'),
    frame(TEXT, b'{"type":"subscribe","channel":"lobby","after":-1}'),
    frame(TEXT, b'{"type":"subscribe","channel":"lobby","after":1e400}'),
    frame(TEXT, b'{"type":"subscribe","channel":"lobby","after":' + b"9" * 5000 + b"}"),
    frame(TEXT, b'{"type":"publish","channel":"lobby","update":{"body":"\\ud800"}}'),
    frame(TEXT, b'{"type":"publish","channel":"lobby","update":{"value":NaN}}'),
    frame(TEXT, b'{"type":"publish","channel":"lobby","update":{"body":"a\\u0000b","key":"\\u0000"}}'),
    frame(TEXT, b"[" * 50_000),
    frame(TEXT, b'{"a":' * 10_000),
    frame(BINARY, b'{"type":"ping"}'),
    frame(BINARY, b""),
)


@pytest.mark.parametrize("way", Way, indirect=True)
async def test_an_invalid_message_gets_an_error_and_the_connection_stays_open(hub: HubProcess) -> None:
    async with RawSocket(hub.port) as raw:
        await raw.upgrade()
        before = await history(hub.url)
        for number, sent in enumerate(INVALID):
            await raw.send(sent)
            error = await raw.message("error")
            assert error["code"] in ("invalid_request", "invalid_update") and error["message"], sent
            await raw.send_message({"type": "ping", "ref": number})
            assert (await raw.message("pong"))["ref"] == number, sent

    assert await history(hub.url) == before


@pytest.mark.timeout(60)
async def test_ten_thousand_invalid_messages_each_get_an_error(hub: HubProcess) -> None:
    async with RawSocket(hub.port) as raw:
        await raw.upgrade()
        await raw.message("welcome")

        async def send_all() -> None:
            for _ in range(100):
                await raw.send(b"".join(frame(TEXT, b"{not json}") for _ in range(100)), within=30)

        sending = asyncio.create_task(send_all())
        errors = 0
        while errors < 10_000:
            errors += sum(message["type"] == "error" for message in await raw.messages(within=20))
        await sending
        await raw.send_message({"type": "ping", "ref": 1})

        assert (await raw.message("pong"))["ref"] == 1


@pytest.mark.parametrize("way", Way, indirect=True)
async def test_a_client_that_does_not_read_its_errors_fills_no_memory(hub: HubProcess) -> None:
    """The hub stops reading from it: neither its messages nor the errors accumulate in the hub."""
    before, sent, taken = resident(hub), 0, True
    bad = frame(TEXT, b"{" + b"x" * 1000) * 100
    async with RawSocket(hub.port, receive_buffer=4096) as raw:
        await raw.upgrade()
        while taken:
            try:
                await raw.send(bad, within=1.5)
            except TimeoutError:
                taken = False
            sent += len(bad)
            assert sent < 256 * MIB
        grown = resident(hub) - before

    assert grown < 16 * MIB, f"{grown / MIB:.0f} MiB more, {sent / MIB:.0f} MiB sent"


@pytest.mark.parametrize("way", Way, indirect=True)
async def test_a_ping_of_the_protocol_is_answered_inside_a_fragmented_message(hub: HubProcess) -> None:
    async with RawSocket(hub.port) as raw:
        await raw.upgrade()
        await raw.message("welcome")
        await raw.send(frame(TEXT, b'{"type":"pi', fin=False) + frame(PING, b"42"))
        found = await raw.frame()
        await raw.send(frame(0x0, b'ng","ref":5}'))

        assert (found.opcode, found.payload) == (PONG, b"42")
        assert (await raw.message("pong"))["ref"] == 5
