"""The ways a hub is served: with access to the server's sockets, on either event loop, or by ASGI alone."""

import asyncio
import sys
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any

import uvloop


class Way(StrEnum):
    """How the hub writes to the socket, and on which event loop."""

    DIRECT = "direct"  # As `tidewire serve` does it.
    PLAIN = "plain"  # As under any other ASGI server.
    UVLOOP = "uvloop"  # As DIRECT, on uvloop.


def command(way: Way) -> list[str]:
    """The program that serves a hub in this way."""
    program = ["tests.support.plain_hub"] if way is Way.PLAIN else ["app", "serve"]
    return [sys.executable, "-m", *program]


def as_seen(way: Way, app: Any) -> Any:
    """The application as the server calls it in this way."""
    return plain(app) if way is Way.PLAIN else app


def plain(app: Any) -> Any:
    """The application as another server would call it: `send` gives no access to the server's protocol."""

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            await send(message)

        await app(scope, receive, sent)

    return asgi


def run[T](way: Way, work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on the event loop of this way, and return its result."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if way is Way.UVLOOP else None) as runner:
        return runner.run(work)
