"""Following a channel for ever: whatever ends a connection, the next one resumes where it broke."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from app.cli.client.following import Follower, Lost, Message, Stopped, WasReset, closed, refuse_handshake
from app.cli.client.target import Target, delay, retry_after

SUBPROTOCOL = Subprotocol("tidewire.v1")
_MOST_FRAME = 16 * 2**20
_MOST_REASON = 10_000
_OPEN_TIMEOUT = 10.0
_PING_INTERVAL = 10.0
_PING_TIMEOUT = 8.0
_ANSWER_TIMEOUT = 15.0


@dataclass(frozen=True, slots=True)
class Broken:
    """There is no connection, and why; it is tried again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Mended:
    """There is one again."""


type Event = Message | WasReset | Broken | Mended


class _Connect(connect):
    """As `websockets` does it, but a redirect is an answer like any other: the token is for the hub that was named."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def follow(target: Target, follower: Follower, wait: Callable[[int], float] = delay) -> AsyncGenerator[Event]:
    """Every update once and in order, and what is to be said in between; it never ends by itself. Raises Stopped."""
    tries, is_broken = 0, False
    while True:
        after = 0.0
        try:
            async with aclosing(_once(target, follower)) as events:
                async for event in events:
                    if follower.is_subscribed:
                        tries = 0
                        if is_broken:
                            is_broken = False
                            yield Mended()
                    if event is not None:
                        yield event
            reason = "the connection broke"
        except Lost as lost:
            reason, after = str(lost), lost.after
        if not is_broken:
            is_broken = True
            yield Broken(reason)
        tries += 1
        await asyncio.sleep(max(wait(tries), min(after, 60.0)))


async def _once(target: Target, follower: Follower) -> AsyncGenerator[Message | WasReset | None]:
    """What one connection brings. Raises Lost or Stopped."""
    connecting = _Connect(
        target.socket_url,
        subprotocols=[SUBPROTOCOL],
        additional_headers=target.headers,
        compression=None,
        proxy=None if target.is_near else True,
        open_timeout=_OPEN_TIMEOUT,
        ping_interval=_PING_INTERVAL,
        ping_timeout=_PING_TIMEOUT,
        close_timeout=1.0,
        max_size=_MOST_FRAME,
    )
    try:
        async with connecting as socket:
            await socket.send(json.dumps(follower.subscription()))
            # A hub that takes the connection and never answers is as good as none.
            async with asyncio.timeout(_ANSWER_TIMEOUT) as deadline:
                async for frame in socket:
                    for line in frame.splitlines() if isinstance(frame, bytes) else frame.split("\n"):
                        if line.strip():
                            yield follower.take(_parsed(line))
                    if follower.is_subscribed:
                        deadline.reschedule(None)
            raise closed(socket.close_code, socket.close_reason or "")
    except ConnectionClosed as error:
        end = error.rcvd
        raise closed(end.code if end else None, end.reason if end else "") from None
    except InvalidStatus as error:
        answer = error.response
        message = _message(answer.body) or f"The hub answered {answer.status_code}."
        if (elsewhere := answer.headers.get("Location")) is not None:
            raise Stopped(f"The hub is elsewhere: {elsewhere}. Give its own address as --url.") from None
        refuse_handshake(answer.status_code, message, retry_after(answer.headers.get("Retry-After")))
    except InvalidURI as error:
        raise Stopped(str(error)) from None
    except (InvalidHandshake, OSError, EOFError) as error:
        raise Lost(_sentence(error)) from None


def _parsed(line: str | bytes) -> Message:
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise Lost("what answers there is not a hub")
    return message


def _message(body: bytes | bytearray | None) -> str | None:
    try:
        found = json.loads((body or b"")[:_MOST_REASON])["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return None
    return str(found)


def _sentence(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()  # asyncio's own sentence repeats the address.
    return str(error) or type(error).__name__
