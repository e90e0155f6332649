"""Publishing over HTTP, as JSON and as text: what is read of a call, and what is answered."""

from app.actions.find import check_publishable
from app.actions.publish import publish
from app.errors import InvalidUpdate
from app.model.access import Principal
from app.model.draft import Submission, broken, check, draft_of, parse_submission
from app.model.update import MAX_BODY_BYTES, bare
from app.services import Services
from app.web.http.call import Call
from app.web.http.identity import charge
from app.web.http.query import check_json_type
from app.web.http.replies import Reply, entries_body

TEXTS = ("title", "level", "key", "unit", "status", "link")
NUMBERS = ("value", "progress")
# What a publish costs beyond its one call: a call for each of these.
_BYTES_A_CALL = 64 * 1024
_UPDATES_A_CALL = 10
_DIGITS = 18  # More may not fit 64 bits, and are a float in JSON too.
_YES = ("yes", "true", "1", "on")


async def publish_json(hub: Services, who: Principal, slug: str, call: Call) -> Reply:
    """Publish one update or a batch, as the API takes it. Raises a Refusal for what is not stored."""
    check_json_type(call.header("Content-Type"))
    submission, is_batch = parse_submission(await _body(hub, who, slug, call))
    return await _publish(hub, who, slug, call, submission, is_batch)


async def publish_text(hub: Services, who: Principal, slug: str, call: Call) -> Reply:
    """Publish the body as text, whatever its Content-Type: curl declares a form. Raises as `publish_json`."""
    fields = _fields(call)
    try:
        text = (await _body(hub, who, slug, call, MAX_BODY_BYTES)).decode()
    except UnicodeDecodeError:
        raise InvalidUpdate("body must be text in UTF-8.", field="body") from None
    if text:
        fields["body"] = text
    return await _publish(hub, who, slug, call, check([draft_of(fields)]), is_batch=False)


async def _body(hub: Services, who: Principal, slug: str, call: Call, max_bytes: int | None = None) -> bytes:
    """The body, counted by its size. One that is declared large is not waited for where its publish would be refused
    anyway. Raises a Refusal."""
    declared = call.content_length
    if max_bytes is not None and declared > max_bytes:
        raise broken("body")
    if declared > _BYTES_A_CALL:
        charge(hub, call, who, declared // _BYTES_A_CALL)
        await check_publishable(hub.db, who, slug)
    body = await call.body()
    if not declared:
        charge(hub, call, who, len(body) // _BYTES_A_CALL)
    return body


async def _publish(
    hub: Services, who: Principal, slug: str, call: Call, submission: Submission, is_batch: bool
) -> Reply:
    charge(hub, call, who, len(submission.drafts) // _UPDATES_A_CALL)
    stored = await publish(hub.publisher, who, slug, submission, call.header("Idempotency-Key"))
    body = entries_body({}, "updates", stored.entries) if is_batch else bare(stored.entries[0])
    return Reply(200, body, (("Idempotent-Replayed", "true"),)) if stored.replayed else Reply(201, body)


def _fields(call: Call) -> dict[str, object]:
    """The update's fields from headers and query. Raises InvalidUpdate, naming the field."""
    fields: dict[str, object] = {name: given for name in TEXTS if (given := _given(call, name))}
    for name in NUMBERS:
        if given := _given(call, name):
            fields[name] = _number(name, given)
    if tags := _given(call, "tags"):
        fields["tags"] = [tag.strip() for tag in tags.split(",") if tag.strip()]
    if (_given(call, "markdown") or "").lower() in _YES:
        fields["format"] = "markdown"
    return fields


def _given(call: Call, name: str) -> str | None:
    """A header, else the query's parameter."""
    found = call.header(name)
    return call.argument(name) if found is None else found


def _number(name: str, text: str) -> int | float:
    try:
        if not text.isascii() or "_" in text:
            raise ValueError(text)  # Python's own reading of numbers is wider than JSON's.
        return int(text) if text.lstrip("+-").isdigit() and len(text) <= _DIGITS else _finite(text)
    except ValueError:
        raise broken(name) from None


def _finite(text: str) -> float:
    number = float(text)
    if number - number != 0:  # Infinite, or not a number at all.
        raise ValueError(text)
    return number
