"""The ways a hub is served: the server's own sockets within reach, on either loop, or nothing of them but ASGI."""

import asyncio
import sys
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any

import uvloop


class Way(StrEnum):
    """How what is written reaches the socket, and on which event loop."""

    DIRECT = "direct"  # As `tidewire serve` does it.
    PLAIN = "plain"  # As under a server of which ASGI is all that is known.
    UVLOOP = "uvloop"  # As the first, on uvloop.


def command(way: Way) -> list[str]:
    """The program that serves a hub in this way."""
    program = ["tests.support.plain_hub"] if way is Way.PLAIN else ["app", "serve"]
    return [sys.executable, "-m", *program]


def as_seen(way: Way, app: Any) -> Any:
    """The application as it meets the server in this way."""
    return plain(app) if way is Way.PLAIN else app


def plain(app: Any) -> Any:
    """The application as another server would run it: nothing leads from `send` to what is behind it."""

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            await send(message)

        await app(scope, receive, sent)

    return asgi


def run[T](way: Way, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns, run on the loop of this way."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if way is Way.UVLOOP else None) as runner:
        return runner.run(work)
