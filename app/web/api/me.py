"""The caller, over the API."""

from quart import Blueprint, Response

from app.model.access import Scope
from app.web.api import schemas as shapes
from app.web.http.describe import Answer, Operation, describe
from app.web.http.identity import caller
from app.web.http.replies import json_answer

blueprint = Blueprint("tidewire_api_me", __name__, url_prefix="/api/v1/me")


@blueprint.get("")
@describe(
    Operation(
        name="show_caller",
        tag="Access",
        summary="Show who calls, and what their credential permits",
        answers={200: Answer("The caller.", shapes.Caller)},
    )
)
async def get_me() -> Response:
    who = await caller()
    grant = who.grant
    return json_answer(
        {
            "user": who.user,
            "admin": who.is_admin,
            "credential": who.credential.kind.value if who.credential is not None else None,
            "scopes": sorted(grant.scopes if grant is not None else Scope if who.user is not None else ()),
            "bound": grant is not None and grant.channel_id is not None,
            "expires_at": grant.expires_at if grant is not None else None,
        }
    )
