"""Members over the API."""

from quart import Blueprint, Response

from app.actions.members import list_members, remove_member, set_role
from app.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unauthenticated
from app.model.access import Role
from app.model.member import RoleDraft, as_public
from app.web.api import schemas as shapes
from app.web.http.context import services
from app.web.http.describe import Answer, Operation, describe
from app.web.http.identity import caller
from app.web.http.query import read_body
from app.web.http.replies import json_answer

blueprint = Blueprint("tidewire_api_members", __name__, url_prefix="/api/v1/channels/<slug>/members")
TAG = "Members"


@blueprint.get("")
@describe(
    Operation(
        name="list_members",
        tag=TAG,
        summary="List the members of a channel",
        text="For its members and admins: names and roles, owners first.",
        answers={200: Answer("The members.", shapes.Members)},
        refusals=(Unauthenticated, Forbidden, NotFound),
    )
)
async def get_members(slug: str) -> Response:
    found = await list_members(services().db, await caller(), slug)
    return json_answer({"members": [as_public(member) for member in found]})


@blueprint.put("/<name>")
@describe(
    Operation(
        name="set_role",
        tag=TAG,
        summary="Set the role of a user in a channel",
        text="For owners and admins. What a lower role no longer permits ends within two seconds.",
        body=RoleDraft,
        answers={200: Answer("The member.", shapes.Member)},
        refusals=(InvalidRequest, Unauthenticated, Forbidden, NotFound, Conflict),
        example={"role": "reader"},
    )
)
async def put_member(slug: str, name: str) -> Response:
    who, draft = await caller(), await read_body(RoleDraft)
    await set_role(services().db, services().hub, who, slug, name, Role[draft.role.name])
    return json_answer({"name": name, "role": draft.role.value})


@blueprint.delete("/<name>")
@describe(
    Operation(
        name="remove_member",
        tag=TAG,
        summary="Remove a member",
        text="For owners and admins. What they watch of a private channel ends within two seconds.",
        answers={204: Answer("The user is no member any more.")},
        refusals=(Unauthenticated, Forbidden, NotFound, Conflict),
    )
)
async def delete_member(slug: str, name: str) -> Response:
    await remove_member(services().db, services().hub, await caller(), slug, name)
    return Response(b"", 204)
