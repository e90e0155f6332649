"""Channels over the API: list, create, show, change, delete."""

from quart import Blueprint, Response, request

from app.actions import channels as actions
from app.actions.find import readable
from app.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unauthenticated
from app.model.access import Scope, check_create, has_scope
from app.model.channel import ChannelDraft, ChannelPatch, as_public
from app.web.api import schemas as shapes
from app.web.http.context import services
from app.web.http.describe import Answer, Operation, Param, describe, limit
from app.web.http.identity import caller
from app.web.http.query import number_arg, read_body, text_arg
from app.web.http.replies import json_answer

blueprint = Blueprint("tidewire_api_channels", __name__, url_prefix="/api/v1/channels")
TAG = "Channels"
MAX_CHANNELS_PER_PAGE = 200


@blueprint.get("")
@describe(
    Operation(
        name="list_channels",
        tag=TAG,
        summary="List the channels the caller may see",
        text="The public ones, and those the caller is a member of, by slug.",
        params=(
            Param("q", "Part of the slug, title or description."),
            limit(MAX_CHANNELS_PER_PAGE, 50),
            Param("cursor", "`next_cursor` of the page before."),
        ),
        answers={200: Answer("A page of channels.", shapes.Channels)},
        refusals=(InvalidRequest,),
    )
)
async def list_channels() -> Response:
    who = await caller()
    found, next_cursor = await actions.list_channels(
        services().db,
        who,
        q=text_arg("q"),
        after=text_arg("cursor", 63) or "",
        limit=number_arg("limit", least=1, most=MAX_CHANNELS_PER_PAGE) or 50,
    )
    return json_answer({"channels": [as_public(channel) for channel in found], "next_cursor": next_cursor})


@blueprint.post("")
@describe(
    Operation(
        name="create_channel",
        tag=TAG,
        summary="Create a channel",
        text="The caller becomes its owner. By default it is private, and only its publishers may publish.",
        body=ChannelDraft,
        answers={201: Answer("The new channel.", shapes.Channel, headers={"Location": "Its address in the API."})},
        refusals=(InvalidRequest, Unauthenticated, Forbidden, Conflict),
        example={"slug": "ci", "title": "Builds", "visibility": "public"},
    )
)
async def create_channel() -> Response:
    who = await caller()
    check_create(who)  # Before a body is received for it.
    channel = await actions.create_channel(services().db, who, await read_body(ChannelDraft))
    answer = json_answer(as_public(channel), 201)
    answer.headers["Location"] = f"{request.root_path}/api/v1/channels/{channel.slug}"
    return answer


@blueprint.get("/<slug>")
@describe(
    Operation(
        name="get_channel",
        tag=TAG,
        summary="Show one channel",
        answers={200: Answer("The channel.", shapes.Channel)},
        refusals=(Forbidden, NotFound),
    )
)
async def get_channel(slug: str) -> Response:
    channel, _ = await readable(services().db, await caller(), slug)
    return json_answer(as_public(channel))


@blueprint.patch("/<slug>")
@describe(
    Operation(
        name="change_channel",
        tag=TAG,
        summary="Change a channel",
        text="An absent field stays as it is, null clears it. The slug never changes.",
        body=ChannelPatch,
        answers={
            200: Answer("The channel after the change.", shapes.Channel),
            204: Answer("The channel was changed; the token may not read it."),
        },
        refusals=(InvalidRequest, Unauthenticated, Forbidden, NotFound),
        example={"visibility": "private"},
    )
)
async def change_channel(slug: str) -> Response:
    who = await caller()
    patch = await read_body(ChannelPatch)
    channel = await actions.change_channel(services().db, services().hub, who, slug, patch)
    return json_answer(as_public(channel)) if has_scope(who, Scope.READ) else Response(b"", 204)


@blueprint.delete("/<slug>")
@describe(
    Operation(
        name="delete_channel",
        tag=TAG,
        summary="Delete a channel and its log",
        answers={204: Answer("The channel was deleted, and its watchers were notified.")},
        refusals=(Unauthenticated, Forbidden, NotFound),
    )
)
async def delete_channel(slug: str) -> Response:
    await actions.delete_channel(services().db, services().hub, await caller(), slug)
    return Response(b"", 204)
