"""An application on a real hypercorn and a real socket, on the test's event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from tests.support import ROOT
from tests.support.ports import HOST

STOP_WITHIN = 30.0  # seconds; more than hypercorn.toml allows, so that its own timeouts end a slow stop first


@asynccontextmanager
async def served(
    app: Any, *, before_stop: Callable[[], Awaitable[object]] | None = None, **changes: Any
) -> AsyncIterator[str]:
    """Serve `app` by hypercorn.toml (with `changes` to it) on a free loopback port, and yield its base URL.

    It yields after the start-up and returns after the shutdown; a shutdown longer than 30 s fails the test.
    `before_stop` is awaited before the shutdown, for an application that closes its own websockets:
    hypercorn waits for them without a bound.
    """
    config = Config.from_toml(ROOT / "hypercorn.toml")
    config.errorlog = None
    for name, value in changes.items():
        assert hasattr(config, name), f"hypercorn has no setting {name}"
        setattr(config, name, value)
    # The socket is opened here and passed on: no process can take the port in between, and a client that connects
    # before hypercorn accepts waits in the backlog instead of being refused.
    listener = socket.create_server((HOST, 0), backlog=config.backlog)
    port = listener.getsockname()[1]
    config.bind = [f"fd://{listener.detach()}"]

    stop, started = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(serve(_announced(app, started), config, shutdown_trigger=stop.wait, mode="asgi"))
    try:
        await _until_started(task, started)
        yield f"http://{HOST}:{port}"
    finally:
        try:
            if before_stop is not None and not task.done():
                async with asyncio.timeout(STOP_WITHIN):
                    await before_stop()
        finally:
            stop.set()
            await asyncio.wait_for(task, STOP_WITHIN)


def _announced(app: Any, started: asyncio.Event) -> Any:
    """The application, with an event that is set when its start-up is complete."""

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        async def send_and_note(message: Any) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                started.set()

        await app(scope, receive, send_and_note if scope["type"] == "lifespan" else send)

    return asgi


async def _until_started(task: asyncio.Task[None], started: asyncio.Event) -> None:
    """Return after the start-up; a server that fails to start fails the test with its own error."""
    waiting = asyncio.create_task(started.wait())
    try:
        await asyncio.wait({task, waiting}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        assert started.is_set(), "the application did not start within 60 s"
    finally:
        waiting.cancel()
