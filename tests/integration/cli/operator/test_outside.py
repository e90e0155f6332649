"""`tidewire doctor` through a proxy: what it does not pass on is named."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.support.command import CommandLine, Outcome
from tests.support.ports import HOST, free_port
from tests.support.process import HubProcess, hub_process

WITHHELD = b""
PAGE = b"HTTP/1.1 %d Page\r\nContent-Length: 5\r\nConnection: close\r\n\r\nproxy"

# What a proxy answers itself, by the request's head; None is passed on.
type Rule = Callable[[bytes], bytes | None]


@asynccontextmanager
async def proxy(port: int, rule: Rule) -> AsyncIterator[str]:
    """A proxy with that rule, in front of the hub on this port. Yields its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if (own := rule(head)) == WITHHELD:
            await asyncio.sleep(60)
        elif own is not None:
            writer.write(own)
            await writer.drain()
            writer.close()
            return
        there, back = await asyncio.open_connection(HOST, port)
        back.write(head)
        await asyncio.gather(pipe(reader, back), pipe(there, writer))

    server = await asyncio.start_server(serve, HOST, 0)
    try:
        yield f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        server.abort_clients()


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until either end is closed."""
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[HubProcess]:
    async with hub_process(tmp_path, {"TIDEWIRE_SHUTDOWN_TIMEOUT": "2"}) as running:
        yield running


async def doctor(directory: Path, url: str) -> tuple[Outcome, list[str]]:
    """How it ended, and its sentences about the public URL."""
    outcome = await CommandLine(directory, {"TIDEWIRE_PUBLIC_URL": url}).run("doctor", "--json")
    findings = json.loads(outcome.out)["findings"]
    return outcome, [each["sentence"] for each in findings if each["subject"] == "public URL"]


async def test_a_proxy_that_passes_everything_on_is_well(hub: HubProcess, tmp_path: Path) -> None:
    async with proxy(hub.port, lambda head: None) as url:
        outcome, sentences = await doctor(tmp_path, url)

    assert (outcome.status, outcome.err) == (0, "")
    assert sentences == [
        f"{url} is the hub.",
        "a websocket opens, and the hub greets on it.",
        "a stream arrives unbuffered.",
        "bodies of 8388608 bytes reach the hub.",
    ]


async def test_a_hub_under_a_path_of_its_host_is_well(tmp_path: Path) -> None:
    settings = {"TIDEWIRE_PUBLIC_URL": f"http://{HOST}/updates", "TIDEWIRE_SHUTDOWN_TIMEOUT": "2"}
    async with (
        hub_process(tmp_path, settings) as hub,
        proxy(hub.port, lambda head: None if head.split()[1].startswith(b"/updates/") else PAGE % 404) as url,
    ):
        outcome, sentences = await doctor(tmp_path, f"{url}/updates")

    assert (outcome.status, len(sentences)) == (0, 4), sentences


def answers(pattern: bytes, own: bytes) -> Rule:
    return lambda head: own if re.search(pattern, head) else None


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (answers(rb"upgrade: websocket|Upgrade: websocket", PAGE % 400), "a websocket is answered 400: the proxy must"),
        (answers(rb"/stream", WITHHELD), "a stream's first bytes do not arrive within 5 s: the proxy must not buffer"),
        (answers(rb"[Cc]ontent-[Ll]ength: \d{7}", PAGE % 413), "a body of 8388608 bytes"),
        (answers(rb"/healthz", PAGE % 404), "/healthz answers 404, and not as the hub does"),
        (answers(rb"/healthz", PAGE % 421), "the hub does not take the Host"),
        (
            answers(rb".", b"HTTP/1.1 301 Moved\r\nLocation: https://x/\r\nContent-Length: 0\r\n\r\n"),
            "redirects to https://x/: set TIDEWIRE_PUBLIC_URL",
        ),
        (answers(rb".", b"\x15\x03\x01\x00\x02"), "can't be reached"),
    ],
)
async def test_what_a_proxy_does_not_pass_on_is_named(
    rule: Rule, sentence: str, hub: HubProcess, tmp_path: Path
) -> None:
    async with proxy(hub.port, rule) as url:
        outcome, sentences = await doctor(tmp_path, url)

    assert outcome.status == 1
    assert [each for each in sentences if sentence in each], sentences


async def test_a_public_url_where_nothing_listens_is_wrong(tmp_path: Path) -> None:
    outcome, sentences = await doctor(tmp_path, f"http://{HOST}:{free_port()}")

    assert (outcome.status, len(sentences)) == (1, 1)
    assert "can't be reached: Connection refused. Is the hub running" in sentences[0]
