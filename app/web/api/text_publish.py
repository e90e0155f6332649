"""The text publish, for a shell: `curl -d "hello" HOST/SLUG` publishes the body as text."""

from typing import get_args

import msgspec
from quart import Blueprint, Response

from app.errors import Conflict, Forbidden, InvalidUpdate, NotFound, TooLarge
from app.model.rules import sentences_of, types_of
from app.model.update import MAX_TAGS, Draft, Level
from app.web.api import schemas as shapes
from app.web.api.publishing import NUMBERS, TEXTS, publish_text
from app.web.api.updates import KEY
from app.web.http.context import current_call, services
from app.web.http.describe import Answer, Operation, Param, describe
from app.web.http.identity import caller

blueprint = Blueprint("text_publish", __name__)

_SENTENCES, _TYPES = sentences_of(Draft), types_of(Draft)
_HEADERS = {name: _SENTENCES[name] for name in (*TEXTS, *NUMBERS)} | {
    "tags": f"Up to {MAX_TAGS}, comma separated.",
    "markdown": "yes: the body is Markdown.",
}
_SCHEMAS = {name: msgspec.json.schema(_TYPES[name]) for name in (*TEXTS, *NUMBERS)} | {
    "level": {"type": "string", "enum": list(get_args(Level))},  # msgspec would sort them.
}


@blueprint.route("/<slug>", methods=["POST", "PUT"])
@describe(
    Operation(
        name="publish_text",
        tag="Updates",
        summary="Publish the body as text: curl -d hello HOST/SLUG",
        text="For a shell. The body is read as UTF-8 text, whatever its Content-Type; headers, or query parameters of "
        "the same names in lower case, set the other fields.",
        body=str,
        media="text/plain",
        params=(
            KEY,
            *(
                Param(name.title(), text, _SCHEMAS.get(name, {"type": "string"}), "header")
                for name, text in _HEADERS.items()
            ),
        ),
        answers={
            201: Answer("The update as stored.", shapes.Update),
            200: Answer(
                "As 201; it was stored before under this Idempotency-Key.",
                shapes.Update,
                headers={"Idempotent-Replayed": "true"},
            ),
        },
        refusals=(InvalidUpdate, Forbidden, NotFound, Conflict, TooLarge),
        example="hello",
    )
)
async def post(slug: str) -> Response:
    """Publish the request's body as text, whatever its Content-Type: curl declares a form."""
    reply = await publish_text(services(), await caller(), slug, current_call())
    return reply.response()
