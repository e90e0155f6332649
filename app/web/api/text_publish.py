"""The text publish, for a shell: `curl -d "hello" HOST/SLUG` publishes the body as text."""

from quart import Blueprint, Response

from app.errors import Conflict, Forbidden, InvalidRequest, InvalidUpdate, NotFound, TooLarge, UnsupportedMediaType
from app.web.api import schemas as shapes
from app.web.api.publishing import publish_text
from app.web.api.text_fields import PARAMS
from app.web.api.updates import KEY
from app.web.http.context import current_call, services
from app.web.http.describe import Answer, Operation, describe
from app.web.http.identity import admit_call

blueprint = Blueprint("tidewire_text_publish", __name__)


@blueprint.route("/<slug>", methods=["POST", "PUT"])
@describe(
    Operation(
        name="publish_text",
        tag="Updates",
        summary="Publish the body as text: curl -d hello HOST/SLUG",
        text="For a shell. The body is read as UTF-8 text, whatever its Content-Type, unless that is multipart. "
        "Headers, or query parameters of the same names in lower case, set the other fields; an unknown parameter is "
        "refused.",
        body=str,
        body_required=False,
        media="text/plain",
        params=(KEY, *PARAMS),
        answers={
            201: Answer("The update as stored.", shapes.Update),
            200: Answer(
                "As 201; it was stored before under this Idempotency-Key.",
                shapes.Update,
                headers={"Idempotent-Replayed": "true"},
            ),
        },
        refusals=(InvalidRequest, InvalidUpdate, Forbidden, NotFound, Conflict, TooLarge, UnsupportedMediaType),
        example="hello",
    )
)
async def post(slug: str) -> Response:
    """Publish the request's body as text, whatever its Content-Type: curl declares a form."""
    call = current_call()
    who = await admit_call(services(), call, cookies=False)  # A page of any site can send this form.
    reply = await publish_text(services(), who, slug, call)
    return reply.response()
