"""The short form, for a shell: `curl -d "hello" HOST/SLUG` publishes the body as it is."""

from typing import get_args

from quart import Blueprint, Response, request

from app.actions.publish import publish
from app.errors import Conflict, Forbidden, InvalidUpdate, NotFound, TooLarge
from app.model.draft import RULES, check, draft_of
from app.model.update import Level
from app.web import shapes
from app.web.answers import body_bytes
from app.web.api.updates import KEY, published
from app.web.context import services
from app.web.describe import Answer, Operation, Param, describe
from app.web.identity import caller

blueprint = Blueprint("short", __name__)

_TEXTS = ("title", "level", "key", "unit", "status", "link")
_NUMBERS = ("value", "progress")
_DIGITS = 18  # More may not fit 64 bits, and are a float in JSON too.
_YES = ("yes", "true", "1", "on")
_HEADERS = {name: f"{RULES[name][0].upper()}{RULES[name][1:]}." for name in (*_TEXTS, *_NUMBERS)} | {
    "tags": "Up to 10, comma separated.",
    "markdown": "yes: the body is Markdown.",
}
_SCHEMAS = {"level": {"type": "string", "enum": list(get_args(Level))}} | {
    name: {"type": "number"} for name in _NUMBERS
}


@blueprint.route("/<slug>", methods=["POST", "PUT"])
@describe(
    Operation(
        name="publish_text",
        tag="Updates",
        summary="Publish the body as it is: curl -d hello HOST/SLUG",
        text="For a shell. The body is taken as UTF-8 text whatever its Content-Type says; headers, or query "
        "parameters of the same names in lower case, fill the other fields.",
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
                "As 201, stored before under this Idempotency-Key.",
                shapes.Update,
                headers={"Idempotent-Replayed": "true"},
            ),
        },
        refusals=(InvalidUpdate, Forbidden, NotFound, Conflict, TooLarge),
        example="hello",
    )
)
async def post(slug: str) -> Response:
    """Publish the request's body, taken as text whatever its Content-Type says: curl calls it a form."""
    who = await caller()
    fields = _fields()
    body = await body_bytes()
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise InvalidUpdate("body must be text in UTF-8.", field="body") from None
    if text:
        fields["body"] = text
    submission = check([draft_of(fields)])
    stored = await publish(services().publisher, who, slug, submission, request.headers.get("Idempotency-Key"))
    return published(stored, is_batch=False)


def _fields() -> dict[str, object]:
    """What headers and query say of the update. Raises InvalidUpdate, naming the field."""
    fields: dict[str, object] = {name: given for name in _TEXTS if (given := _given(name))}
    for name in _NUMBERS:
        if given := _given(name):
            fields[name] = _number(name, given)
    if tags := _given("tags"):
        fields["tags"] = [tag.strip() for tag in tags.split(",") if tag.strip()]
    if (_given("markdown") or "").lower() in _YES:
        fields["format"] = "markdown"
    return fields


def _given(name: str) -> str | None:
    """A header, else the query's parameter. Headers are Latin-1 by the standard and UTF-8 from every shell."""
    header = request.headers.get(name.title())
    if header is None:
        return request.args.get(name)
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


def _number(name: str, text: str) -> int | float:
    try:
        if not text.isascii() or "_" in text:
            raise ValueError(text)  # Python's own reading of numbers is wider than JSON's.
        return int(text) if text.lstrip("+-").isdigit() and len(text) <= _DIGITS else _finite(text)
    except ValueError:
        raise InvalidUpdate(f"{name} must be {RULES[name]}.", field=name) from None


def _finite(text: str) -> float:
    number = float(text)
    if number - number != 0:  # Infinite, or not a number at all.
        raise ValueError(text)
    return number
