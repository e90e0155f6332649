"""Follows a channel without end: after a lost connection, the next one resumes from the position."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from app.cli.client.failures import Failure, failed_answer, failed_connection
from app.cli.client.following import Follower, Lost, Message, Stopped, WasReset, closed
from app.cli.client.target import Target, delay, retry_after

SUBPROTOCOL = Subprotocol("tidewire.v1")
_MAX_FRAME_BYTES = 16 * 2**20
_OPEN_TIMEOUT_S = 10.0
_PING_INTERVAL_S = 10.0
_PING_TIMEOUT_S = 8.0
_SUBSCRIBE_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is lost, for this reason; the client tries again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reconnected:
    """The connection is open and subscribed again."""


type Event = Message | WasReset | Disconnected | Reconnected


class _Connect(connect):
    """As `websockets` does it, but without following redirects: the token is for the named hub only."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def follow(target: Target, follower: Follower, wait: Callable[[int], float] = delay) -> AsyncGenerator[Event]:
    """Every update once and in order, with resets, disconnects and reconnects in between. Ends only by Stopped."""
    tries, is_disconnected = 0, False
    while True:
        after = 0.0
        try:
            async with aclosing(_connect_once(target, follower)) as events:
                async for event in events:
                    if follower.is_subscribed:
                        tries = 0
                        if is_disconnected:
                            is_disconnected = False
                            yield Reconnected()
                    if event is not None:
                        yield event
            reason = "the connection broke"
        except Lost as lost:
            reason, after = str(lost), lost.after
        if not is_disconnected:
            is_disconnected = True
            yield Disconnected(reason)
        tries += 1
        await asyncio.sleep(max(wait(tries), min(after, 60.0)))


async def _connect_once(target: Target, follower: Follower) -> AsyncGenerator[Message | WasReset | None]:
    """The events of one connection, None for any other message. Raises Lost or Stopped."""
    connecting = _Connect(
        target.socket_url,
        subprotocols=[SUBPROTOCOL],
        additional_headers=target.headers,
        compression=None,
        proxy=None if target.is_local else True,
        open_timeout=_OPEN_TIMEOUT_S,
        ping_interval=_PING_INTERVAL_S,
        ping_timeout=_PING_TIMEOUT_S,
        close_timeout=1.0,
        max_size=_MAX_FRAME_BYTES,
    )
    try:
        async with connecting as socket:
            await socket.send(json.dumps(follower.subscription()))
            # A hub that accepts the connection and never answers counts as unreachable.
            async with asyncio.timeout(_SUBSCRIBE_TIMEOUT_S) as deadline:
                async for frame in socket:
                    for line in frame.splitlines() if isinstance(frame, bytes) else frame.split("\n"):
                        if line.strip():
                            yield follower.receive(_parsed(line))
                    if follower.is_subscribed:
                        deadline.reschedule(None)
            raise closed(socket.close_code, socket.close_reason or "")
    except ConnectionClosed as error:
        end = error.rcvd
        raise closed(end.code if end else None, end.reason if end else "") from None
    except InvalidStatus as error:
        answer = error.response
        if (location := answer.headers.get("Location")) is not None:
            raise Stopped(f"The hub redirects to {location}. Pass that hub's own address as --url.") from None
        failure = failed_answer(answer.status_code, answer.body)
        raise _ended(failure, retry_after(answer.headers.get("Retry-After"))) from None
    except InvalidURI as error:
        raise Stopped(str(error)) from None
    except (InvalidHandshake, InvalidProxy, ImportError, OSError, EOFError) as error:
        raise _ended(failed_connection(error, target.url)) from None


def _ended(failure: Failure, after: float = 0.0) -> Lost | Stopped:
    if failure.is_final:
        return Stopped(failure.sentence)
    return Lost(f"{failure.reason[:1].lower()}{failure.reason[1:]}", after)


def _parsed(line: str | bytes) -> Message:
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise Lost("the server at this address is not a hub")
    return message
