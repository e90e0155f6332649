"""The live stream over HTTP: server-sent events, or one JSON object per line."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
from quart import Blueprint, Response, request

from app.actions.follow import follow
from app.errors import Forbidden, InvalidRequest, NotFound, RateLimited, Refusal, Unauthenticated, Unavailable
from app.live.events import EndReason, Reset, WatchEvent
from app.live.hub import Subscription
from app.model.access import Principal
from app.model.batch import Form
from app.model.position import After, Last, Now, Start, parse_event_id
from app.transport.encoding import ndjson, sse
from app.transport.errors import Stalled
from app.transport.sink import Sink
from app.web.http.context import current_call, services, wire
from app.web.http.describe import Answer, Operation, Param, describe, seq
from app.web.http.identity import watcher
from app.web.http.query import number_arg, text_arg
from app.web.socket.messages import reset_message, unsubscribed_message

blueprint = Blueprint("tidewire_stream", __name__)
MAX_LAST = 1000
RETRY_MS = 2000
CHECKS_PER_HEARTBEAT = 3
_PARAMS = (
    seq("after", "Everything after this seq, then live."),
    Param("epoch", "The epoch of `after`."),
    Param(
        "last",
        "The newest so many, then live.",
        {"type": "integer", "minimum": 0, "maximum": MAX_LAST},
    ),
    Param("ticket", "A one-use ticket instead of a token."),
    Param(
        "Last-Event-ID",
        "EPOCH.SEQ: the position from which an EventSource resumes; any other text leads to a reset.",
        place="header",
    ),
)
_ENDLESS = "The stream; it does not end by itself."
_REFUSALS = (InvalidRequest, Unauthenticated, Forbidden, NotFound, RateLimited, Unavailable)


@dataclass(frozen=True, slots=True)
class Media:
    """One of the stream's two formats: its media type, its first bytes, its updates and its other messages."""

    name: str
    opening: Callable[[Subscription], bytes]
    updates: Form
    keep_alive: bytes
    message: Callable[[str, dict[str, object]], bytes]


@blueprint.get("/api/v1/channels/<slug>/stream")
@describe(
    Operation(
        name="stream",
        tag="Live",
        summary="Follow a channel live",
        text="Every update once, in order, none missing. Server-sent events by default, `Accept: application/x-ndjson` "
        "for one JSON object a line. Without a position it is live from now on.",
        params=_PARAMS,
        answers={200: Answer(_ENDLESS, None, "text/event-stream", ("application/x-ndjson",))},
        refusals=_REFUSALS,
    )
)
async def get_stream(slug: str) -> Response:
    accept = request.headers.get("Accept", "")
    return await _stream(slug, NDJSON if "application/x-ndjson" in accept else SSE)


@blueprint.get("/<slug>/sse")
@describe(
    Operation(
        name="stream_sse",
        tag="Live",
        summary="Follow a channel live, as server-sent events",
        params=_PARAMS,
        answers={200: Answer(_ENDLESS, None, "text/event-stream")},
        refusals=_REFUSALS,
    )
)
async def get_sse(slug: str) -> Response:
    return await _stream(slug, SSE)


@blueprint.get("/<slug>/json")
@describe(
    Operation(
        name="stream_ndjson",
        tag="Live",
        summary="Follow a channel live, as one JSON object a line",
        params=_PARAMS,
        answers={200: Answer(_ENDLESS, None, "application/x-ndjson")},
        refusals=_REFUSALS,
    )
)
async def get_ndjson(slug: str) -> Response:
    return await _stream(slug, NDJSON)


async def _stream(slug: str, media: Media) -> Response:
    start = _start()
    body = _body(await watcher(), slug, start, media)
    opening = await anext(body)  # A refusal is raised here, while the call can still be answered with an error.
    if request.method == "HEAD":
        await body.aclose()
        response = Response(b"", mimetype=media.name)
    else:
        response = Response(_with(opening, body), mimetype=media.name)
        response.timeout = None
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # nginx would buffer the stream.
    return response


async def _body(who: Principal, slug: str, start: Start, media: Media) -> AsyncGenerator[bytes]:
    """Yield the opening. Everything after it is written by a sink of the wire, until the watch ends."""
    current, connection, address = services(), wire(), current_call().address
    begun = await follow(current.admissions, current.hub, who, slug, start)
    watch, ended = begun.watch, asyncio.Event()
    try:
        current.connections.add(who, address, watch.end)
    except Refusal:
        watch.close()
        raise
    try:
        yield media.opening(begun)
        sink = connection.body(media.updates, ended.set)

        def notify(event: WatchEvent) -> None:
            if isinstance(event, Reset):
                sink.send(media.message("reset", reset_message(slug, event)))
                return
            reason = EndReason.REVOKED if event.reason is EndReason.INVALID else event.reason
            if reason in (EndReason.REVOKED, EndReason.DELETED):
                sink.send(media.message("unsubscribed", unsubscribed_message(None, slug, reason.value)))
            ended.set()

        try:
            watch.follow(sink, notify)
            await _until(ended, sink, media.keep_alive, current.settings.heartbeat)
            if sink.closed:
                raise Stalled  # Otherwise the answer would end as if it were complete.
            await sink.finish()
        finally:
            sink.release()
    finally:
        current.connections.remove(address, watch.end)
        watch.close()


async def _until(ended: asyncio.Event, sink: Sink, keep_alive: bytes, heartbeat: float) -> None:
    """Return when `ended` is set; send a keep-alive after each heartbeat without a write."""
    written, quiet = sink.written, 0
    while True:
        try:
            async with asyncio.timeout(heartbeat / CHECKS_PER_HEARTBEAT):
                await ended.wait()
                return
        except TimeoutError:
            quiet = quiet + 1 if sink.written == written else 0
            if quiet == CHECKS_PER_HEARTBEAT:
                sink.send(keep_alive)
                quiet = 0
            written = sink.written


async def _with(opening: bytes, body: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(body):
        if opening:
            yield opening
        async for chunk in body:
            yield chunk


def _start() -> Start:
    """The requested start. A browser that reconnects sends its URL again, and `Last-Event-ID`, which has precedence."""
    given = request.headers.get("Last-Event-ID")
    if given:
        return parse_event_id(given)
    after, last = number_arg("after"), number_arg("last", most=MAX_LAST)
    if after is not None and last is not None:
        raise InvalidRequest("Give after or last, not both.", field="last")
    if after is not None:
        return After(after, text_arg("epoch", 32))
    return Now() if last is None else Last(last)


def _sse_opening(begun: Subscription) -> bytes:
    """The first block: the reconnect delay, and the start point. A browser that loses the stream before the first
    update resumes from it (WHATWG HTML, 9.2.6)."""
    reset = begun.start_point.reset
    position = b"" if reset else b"id: %s.%d\n" % (begun.extent.epoch.encode(), begun.start_point.seq)
    return b"retry: %d\n%s\n" % (RETRY_MS, position)


def _sse_event(name: str, message: dict[str, object]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(message))


def _ndjson_line(name: str, message: dict[str, object]) -> bytes:
    return msgspec.json.encode(message) + b"\n"


SSE = Media("text/event-stream", _sse_opening, sse, b": still here\n\n", _sse_event)
NDJSON = Media("application/x-ndjson", lambda begun: b"", ndjson, b"\n", _ndjson_line)
