"""The watcher of the soak: a gap, a repetition or a lost position is a failure."""

import asyncio
from typing import Any

import pytest

from benchmarks.soak.watcher import Tally, Watcher, frame

OPEN = b"HTTP/1.1 101 \r\nupgrade: websocket\r\n\r\n"


class Sent(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""

    def write(self, data: Any) -> None:
        self.data += data

    def abort(self) -> None:
        self.data = b"aborted"


def from_hub(*lines: str) -> bytes:
    text = "\n".join(lines).encode()
    head = bytes([0x81, len(text)]) if len(text) < 126 else bytes([0x81, 126]) + len(text).to_bytes(2)
    return head + text


def subscribed(seq: int, resumed: str = "true") -> str:
    return f'{{"type":"subscribed","channel":"a","epoch":"e1","seq":{seq},"resumed":{resumed}}}'


def update(seq: int) -> str:
    return f'{{"type":"update","channel":"a","epoch":"e1","seq":{seq},"body":"1"}}'


async def received(watcher: Watcher, data: bytes, step: int) -> Sent:
    """Give it the bytes in pieces of that size."""
    transport = Sent()
    watcher.connection_made(transport)
    for at in range(0, len(data), step):
        watcher.data_received(data[at : at + step])
    return transport


@pytest.mark.parametrize("step", [1, 7, 4096])
async def test_updates_in_order_are_counted_and_the_position_is_kept(step: int) -> None:
    tally = Tally()
    watcher = Watcher(tally, "a")
    ping = bytes([0x89, 2]) + b"hi"
    sent = await received(
        watcher,
        OPEN + from_hub(subscribed(5, "false")) + from_hub(update(6), update(7)) + ping + from_hub(update(8)),
        step,
    )

    assert (tally.failure, tally.delivered, watcher.seq, watcher.epoch) == (None, 3, 8, "e1")
    assert sent.data.endswith(frame(0x8A, b"hi"))


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((subscribed(5), update(7)), "7 came after 5"),
        ((subscribed(5), update(6), update(6)), "6 came after 6"),
        ((subscribed(9, "false"),), "not resumed after 5"),
        (('{"type":"reset","channel":"a"}',), "reset"),
    ],
)
async def test_a_loss_is_a_failure(lines: tuple[str, ...], reason: str) -> None:
    tally = Tally()
    sent = await received(Watcher(tally, "a", 5, "e1"), OPEN + from_hub(*lines), 4096)

    assert reason in str(tally.failure)
    assert sent.data == b"aborted"
