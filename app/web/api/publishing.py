"""Publishing over HTTP, as JSON and as text: what is read of a call, and what is answered."""

from codecs import BOM_UTF8
from dataclasses import replace

from app.actions.find import check_publishable
from app.actions.publish import publish
from app.errors import InvalidUpdate, UnsupportedMediaType
from app.model.access import Principal
from app.model.draft import Submission, broken, check, draft_of, parse_submission
from app.model.update import MAX_BODY_BYTES, bare
from app.services import Services
from app.web.api.text_fields import HEADERS, fields_of
from app.web.http.call import Call
from app.web.http.identity import charge
from app.web.http.replies import Reply, entries_body

# What a publish costs beyond its one call: a call for each of these.
_BYTES_A_CALL = 64 * 1024
_UPDATES_A_CALL = 10


async def publish_json(hub: Services, who: Principal, slug: str, call: Call) -> Reply:
    """Publish one update or a batch, as the API takes it. Raises a Refusal for what is not stored."""
    call.check_json_type()
    submission, is_batch = parse_submission(await _body(hub, who, slug, call))
    return await _publish(hub, who, slug, call, submission, is_batch)


async def publish_text(hub: Services, who: Principal, slug: str, call: Call) -> Reply:
    """Publish the body as text, whatever its Content-Type: curl declares a form. Raises as `publish_json`."""
    call.check_encoding()
    if call.media_type.startswith("multipart/"):
        way = "curl -d TEXT, or curl --data-binary @FILE, instead of curl -F"
        raise UnsupportedMediaType(f"Send the text itself as the body: {way}.", field="Content-Type")
    # Most set none: to look for each takes 5 µs, to see that there is none 0.2.
    fields = fields_of(call) if call.arguments or call.has_header(HEADERS) else {}
    try:
        # Some editors begin a file with a byte order mark.
        text = (await _body(hub, who, slug, call, MAX_BODY_BYTES + len(BOM_UTF8))).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidUpdate("body must be text in UTF-8.", field="body") from None
    if text:
        fields["body"] = text
    reply = await _publish(hub, who, slug, call, check([draft_of(fields)]), is_batch=False)
    return replace(reply, body=reply.body + b"\n")  # A shell shows its prompt after it.


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
    stored = await publish(hub.publisher, who, slug, submission, call.single_header("Idempotency-Key"))
    body = entries_body({}, "updates", stored.entries) if is_batch else bare(stored.entries[0])
    return Reply(200, body, (("Idempotent-Replayed", "true"),)) if stored.replayed else Reply(201, body)
