"""The attacks: one for each kind of what a visitor could make a hub hold, read, compute or write."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

from benchmarks.abuse.client import LOBBY, Visitor, batch, get, post, together

type Attack = Callable[[Visitor], Awaitable[None]]

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HANDSHAKE = get(
    "/api/v1/ws",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
).replace(b"Connection: close", b"Connection: Upgrade")


async def only_computing(_: Visitor) -> None:
    """The control: all of one core, and not one call."""
    while True:
        sum(range(100_000))
        await asyncio.sleep(0)


async def idle_connections(visitor: Visitor) -> None:
    """3,000 connections that send nothing."""
    await together(*(visitor.connect() for _ in range(3000)))


async def http_2(visitor: Visitor) -> None:
    """HTTP/2 prefaces, then silence or broken frames."""
    for number in itertools.count():
        await together(*(visitor.send(_PREFACE + b"\xff" * (number % 2) * 40) for _ in range(50)))
        await asyncio.sleep(0.1)


async def unread_answers(visitor: Visitor) -> None:
    """50 requests for large pages, half-closed, and nothing read of them."""

    async def ask() -> None:
        _, writer = await visitor.send(get(f"{LOBBY}?limit=1000"))
        visitor_transport = writer.transport
        visitor_transport.pause_reading()  # type: ignore[attr-defined]
        writer.write_eof()

    await together(*(ask() for _ in range(50)))


async def large_pages(visitor: Visitor) -> None:
    """Large pages of the history and of the board, 20 at a time."""
    for path in itertools.cycle((f"{LOBBY}?limit=1000", "/api/v1/channels/lobby/board")):
        await together(*(visitor.ask(get(path)) for _ in range(20)))


async def streams_from_the_beginning(visitor: Visitor) -> None:
    """Streams of the whole log of large updates, 20 at a time."""
    while True:
        await together(*(visitor.ask(get("/lobby/json?after=0"), within=3) for _ in range(20)))


async def large_bodies(visitor: Visitor) -> None:
    """40 bodies of 7.75 of 8 MiB each that never end."""
    size = 8 * 2**20
    part = b'{"updates":[' + b" " * (size - 2**18)
    await together(*(visitor.send(post(path, part, size)) for path in (LOBBY, "/lobby", LOBBY + "/x", "/x") * 10))


async def websockets(visitor: Visitor) -> None:
    """3,000 websockets."""
    await together(*(visitor.send(_HANDSHAKE) for _ in range(3000)))


async def large_batches(visitor: Visitor) -> None:
    """Batches of 7.7 MB to an open channel, one after the other."""
    body = batch(240, body="x" * 32_000)
    while True:
        await together(visitor.ask(post(LOBBY, body)))


async def searches(visitor: Visitor) -> None:
    """60 searches at a time for words that are everywhere and never together."""
    while True:
        await together(*(visitor.ask(get(f"{LOBBY}?q=left+right")) for _ in range(60)))


async def markdown(visitor: Visitor) -> None:
    """120 bodies that take a parser quadratic time, and pages of them."""
    hostile = [("[*" * 5000)[: 8192 - number] for number in range(120)]
    await together(*(visitor.ask(post(LOBBY, batch(1, body=body, format="markdown"))) for body in hostile))
    for before in itertools.cycle(range(1_000_000, 1_000_020)):
        await together(*(visitor.ask(get(f"/lobby?before={before}", "Accept: text/html")) for _ in range(10)))


async def nested_data(visitor: Visitor) -> None:
    """JSON nested in ten thousand levels."""
    body = b'{"data":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    while True:
        await together(*(visitor.ask(post(LOBBY, body)) for _ in range(20)))


async def malformed_requests(visitor: Visitor) -> None:
    """Bad targets, hosts, heads and secrets, as fast as they are answered."""
    bad = [
        get("http://["),
        get("/lobby").replace(b"127.0.0.1", b"a..b"),
        get("//metrics"),
        b"\x16\x03\x01\x02\x00\x01\x00" * 20,
        get("/lobby", "Authorization: Bearer tw_guess"),
        b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 40_000,
    ]
    while True:
        await together(*(visitor.ask(each) for each in bad * 5))


ATTACKS: dict[str, Attack] = {
    attack.__name__.replace("_", " "): attack
    for attack in (
        only_computing,
        idle_connections,
        http_2,
        unread_answers,
        large_pages,
        streams_from_the_beginning,
        large_bodies,
        websockets,
        large_batches,
        searches,
        markdown,
        nested_data,
        malformed_requests,
    )
}
