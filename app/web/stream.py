"""The live stream over plain HTTP: server-sent events, or one JSON object a line."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
from quart import Blueprint, Response, request

from app.actions.follow import Following, follow
from app.errors import Forbidden, InvalidRequest, NotFound, RateLimited, Unauthenticated, Unavailable
from app.live.frame import Batch, Ended, Happening, Reset, Silence
from app.model.access import Principal
from app.model.position import After, Last, Now, Start, parse_event_id
from app.web.answers import number_arg, text_arg
from app.web.context import services
from app.web.describe import Answer, Operation, Param, describe, seq
from app.web.identity import watcher
from app.web.messages import reset_message, unsubscribed_message

blueprint = Blueprint("stream", __name__)
MOST_LAST = 1000
RETRY_MS = 2000


@dataclass(frozen=True, slots=True)
class Form:
    """One of the stream's two forms: its media type, its first bytes, and how each happening is written."""

    media: str
    opening: Callable[[Following], bytes]
    write: Callable[[str, Happening], bytes]


@blueprint.get("/api/v1/channels/<slug>/stream")
@describe(
    Operation(
        name="stream",
        tag="Live",
        summary="Follow a channel live",
        text="Every update once, in order, none missing. Server-sent events by default, `Accept: application/x-ndjson` "
        "for one JSON object a line. Without a position it is live from now on.",
        params=(
            seq("after", "Everything after this seq, then live."),
            Param("epoch", "The log that `after` is of."),
            Param(
                "last",
                "The newest so many, then live.",
                {"type": "integer", "minimum": 0, "maximum": MOST_LAST},
            ),
            Param("ticket", "A one-use ticket in place of a token."),
            Param("Last-Event-ID", "EPOCH.SEQ: where an EventSource goes on.", place="header"),
        ),
        answers={200: Answer("The stream; it does not end by itself.", None, "text/event-stream")},
        refusals=(InvalidRequest, Unauthenticated, Forbidden, NotFound, RateLimited, Unavailable),
    )
)
async def get_stream(slug: str) -> Response:
    accept = request.headers.get("Accept", "")
    return await _stream(slug, NDJSON if "application/x-ndjson" in accept else SSE)


@blueprint.get("/<slug>/sse")
async def get_sse(slug: str) -> Response:
    return await _stream(slug, SSE)


@blueprint.get("/<slug>/json")
async def get_ndjson(slug: str) -> Response:
    return await _stream(slug, NDJSON)


async def _stream(slug: str, form: Form) -> Response:
    start = _start()
    chunks = _chunks(await watcher(), slug, start, form)
    opening = await anext(chunks)  # What refuses the stream does so here, while it can still be answered.
    if request.method == "HEAD":
        await chunks.aclose()
        response = Response(b"", mimetype=form.media)
    else:
        response = Response(_with(opening, chunks), mimetype=form.media)
        response.timeout = None
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # nginx would hold the stream back.
    return response


async def _chunks(who: Principal, slug: str, start: Start, form: Form) -> AsyncGenerator[bytes]:
    hub = services()
    async with follow(hub.door, hub.hub, who, slug, start) as following:
        watch = following.watch

        def say(farewell: str) -> None:
            watch.end("revoked" if farewell == "dead" else farewell)

        with hub.connections.register(who, say):
            yield form.opening(following)
            async with aclosing(watch.follow(hub.settings.heartbeat)) as happenings:
                async for happening in happenings:
                    if isinstance(happening, Batch):
                        hub.metrics.delivered.inc(len(happening.entries))
                    if chunk := form.write(slug, happening):
                        yield chunk


async def _with(opening: bytes, chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(chunks):
        if opening:
            yield opening
        async for chunk in chunks:
            yield chunk


def _start() -> Start:
    """The position asked for. A browser that connects again sends its old URL with `Last-Event-ID`, which wins."""
    given = request.headers.get("Last-Event-ID")
    if given:
        position = parse_event_id(given)
        if position is None:
            raise InvalidRequest("Last-Event-ID must be EPOCH.SEQ as a stream gave it.", field="Last-Event-ID")
        return position
    after, last = number_arg("after"), number_arg("last", most=MOST_LAST)
    if after is not None and last is not None:
        raise InvalidRequest("Give after or last, not both.", field="last")
    if after is not None:
        return After(after, text_arg("epoch", 32))
    return Now() if last is None else Last(last)


def _sse_opening(following: Following) -> bytes:
    """The position before any update: a browser that loses the stream early resumes from it (WHATWG HTML, 9.2.6)."""
    reset = following.place.reset
    position = b"" if reset else b"id: %s.%d\n" % (following.channel.epoch.encode(), following.place.seq)
    return b"retry: %d\n%s\n" % (RETRY_MS, position)


def _sse(slug: str, happening: Happening) -> bytes:
    match happening:
        case Batch():
            return happening.sse
        case Silence():
            return b": still here\n\n"
        case Reset():
            return b"event: reset\ndata: %s\n\n" % msgspec.json.encode(reset_message(slug, happening))
        case Ended(reason="shutdown"):
            return b""
        case Ended():
            message = unsubscribed_message(None, slug, happening.reason)
            return b"event: unsubscribed\ndata: %s\n\n" % msgspec.json.encode(message)


def _ndjson(slug: str, happening: Happening) -> bytes:
    match happening:
        case Batch():
            return happening.lines
        case Silence():
            return b"\n"
        case Reset():
            return msgspec.json.encode(reset_message(slug, happening)) + b"\n"
        case Ended(reason="shutdown"):
            return b""
        case Ended():
            return msgspec.json.encode(unsubscribed_message(None, slug, happening.reason)) + b"\n"


SSE = Form("text/event-stream", _sse_opening, _sse)
NDJSON = Form("application/x-ndjson", lambda following: b"", _ndjson)
