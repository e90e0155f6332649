"""Updates over the API: publish, history, board, presence."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import get_args

import msgspec
from quart import Blueprint, Response

from app.actions.history import MAX_KEYS_PER_PAGE, Slice, read_board, read_history
from app.actions.presence import read_presence
from app.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    InvalidUpdate,
    NotFound,
    RateLimited,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)
from app.model.access import Principal
from app.model.draft import RULES
from app.model.filter import Filter
from app.model.text_values import level_of
from app.model.update import Draft, Level
from app.web.api import schemas as shapes
from app.web.api.publishing import publish_json
from app.web.http.context import current_call, services
from app.web.http.describe import Answer, Operation, Param, describe, limit, seq
from app.web.http.identity import caller, charge
from app.web.http.query import number_arg, text_arg
from app.web.http.replies import as_items, entries_answer, json_answer

blueprint = Blueprint("tidewire_api_updates", __name__, url_prefix="/api/v1/channels/<slug>")
TAG = "Updates"
MAX_UPDATES_PER_PAGE = 1000
_SEARCH_COST = 5  # Calls.
KEY = Param(
    "Idempotency-Key",
    "Up to 200 characters, unique in the channel: a second publish with it stores nothing and answers the first.",
    {"type": "string", "minLength": 1, "maxLength": 200},
    "header",
)


@blueprint.post("/updates")
@describe(
    Operation(
        name="publish",
        tag=TAG,
        summary="Publish one update, or a batch",
        text="A batch has up to 500 updates; all of them are stored, in order, or none. The answer is sent after the "
        "commit: an update answered 201 is never lost.",
        body=Draft | shapes.Batch,
        params=(KEY,),
        answers={
            201: Answer("The update, or the batch, as stored.", shapes.Update | shapes.Published),
            200: Answer(
                "As 201; it was stored before under this Idempotency-Key.",
                shapes.Update | shapes.Published,
                headers={"Idempotent-Replayed": "true"},
            ),
        },
        refusals=(
            InvalidRequest,
            InvalidUpdate,
            Unauthenticated,
            Forbidden,
            NotFound,
            Conflict,
            TooLarge,
            UnsupportedMediaType,
            RateLimited,
            Unavailable,
        ),
        example={"title": "Nightly backup", "body": "42 GiB in 3 min", "level": "success", "key": "backup"},
    )
)
async def post_updates(slug: str) -> Response:
    reply = await publish_json(services(), await caller(), slug, current_call())
    return reply.response()


@blueprint.get("/updates")
@describe(
    Operation(
        name="history",
        tag=TAG,
        summary="Read the history",
        text="Newest first; with `after`, oldest first.",
        params=(
            seq("after", "Only updates after this seq, oldest first."),
            seq("before", "Only updates before this seq, newest first."),
            limit(MAX_UPDATES_PER_PAGE, 100),
            Param("cursor", "`next_cursor` of the page before, beside the same other parameters."),
            Param("level", "Only this level."),
            Param("tag", "Only with this tag."),
            Param("key", "Only about this key."),
            Param("q", "Only where all these words occur in title, body, key, status or tags."),
        ),
        answers={200: Answer("A part of the log.", shapes.History)},
        refusals=(InvalidRequest, Forbidden, NotFound, RateLimited),
    )
)
async def get_updates(slug: str) -> Response:
    who = await caller()
    most = number_arg("limit", least=1, most=MAX_UPDATES_PER_PAGE) or 100
    after, before, cursor = number_arg("after"), number_arg("before"), number_arg("cursor")
    if cursor is not None:
        after, before = (cursor, before) if after is not None else (None, cursor)
    part = Slice(after, before, most, services().settings.answer_bytes)
    wanted = Filter.of(_level_arg(), text_arg("tag", 40), text_arg("key", 80), text_arg("q"))
    turn = services().reads.read(current_call().address) if wanted.words is None else _search_turn(who)
    async with turn as sized:
        channel, entries, next_seq = await read_history(services().db, who, slug, wanted, part)
        sized(sum(len(entry.json) for entry in entries))
    next_cursor = None if next_seq is None else str(next_seq)
    head = {"epoch": channel.epoch, "last_seq": channel.last_seq, "next_cursor": next_cursor}
    return entries_answer(head, "updates", entries)


def _level_arg() -> str | None:
    """As a publish reads it. Raises InvalidRequest for what is no level."""
    given = text_arg("level", 16)
    level = level_of(given) if given is not None else None
    if level is not None and level not in get_args(Level):
        raise InvalidRequest(f"level must be {RULES['level']}.", field="level")
    return level


@asynccontextmanager
async def _search_turn(who: Principal) -> AsyncIterator[Callable[[int], None]]:
    """A search costs more than a call, and goes through the gate of searches, whatever the size of its answer."""
    call = current_call()
    charge(services(), call, who, _SEARCH_COST - 1)
    async with services().searches.search(call.address):
        yield lambda _: None


@blueprint.get("/board")
@describe(
    Operation(
        name="board",
        tag=TAG,
        summary="Read the board: the newest update of every key",
        params=(
            seq("at", "The board as it was at this seq."),
            limit(MAX_KEYS_PER_PAGE, MAX_KEYS_PER_PAGE),
            Param("cursor", "`next_cursor` of the page before."),
        ),
        answers={200: Answer("The board, by key.", shapes.Board)},
        refusals=(InvalidRequest, Forbidden, NotFound, RateLimited),
    )
)
async def get_board(slug: str) -> Response:
    who = await caller()
    most = number_arg("limit", least=1, most=MAX_KEYS_PER_PAGE) or MAX_KEYS_PER_PAGE
    at, above, max_bytes = number_arg("at"), text_arg("cursor", 80) or "", services().settings.answer_bytes
    async with services().reads.read(current_call().address) as sized:
        channel, items, next_cursor = await read_board(services().db, who, slug, at, above, most, max_bytes)
        sized(sum(len(entry.json) for _, entry in items))
    return json_answer(
        {
            "epoch": channel.epoch,
            "last_seq": channel.last_seq,
            "board": msgspec.Raw(as_items(items)),
            "next_cursor": next_cursor,
        }
    )


@blueprint.get("/presence")
@describe(
    Operation(
        name="presence",
        tag=TAG,
        summary="Who watches now",
        answers={200: Answer("The number of watchers, and for members their names.", shapes.Presence)},
        refusals=(Forbidden, NotFound),
    )
)
async def get_presence(slug: str) -> Response:
    snapshot = await read_presence(services().db, services().hub, await caller(), slug)
    return json_answer({"watching": snapshot.watching, "users": snapshot.users})
