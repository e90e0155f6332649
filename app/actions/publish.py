"""Publishing: check what needs no log, and queue the submission for the next group commit."""

import asyncio

from app.errors import InvalidRequest
from app.model.access import Principal, check_name
from app.model.draft import Submission
from app.model.submission import Stored, Submitted
from app.runtime.publisher import Publisher

MAX_IDEMPOTENCY_KEY = 200


async def publish(
    publisher: Publisher, who: Principal, slug: str, submission: Submission, idempotency_key: str | None
) -> Stored:
    """Append the drafts to the channel, all or none, in order. Raises what `check_publish` raises, Conflict for a used
    idempotency key, Unavailable when they could not be committed."""
    return await submit(publisher, who, slug, submission, idempotency_key)


def submit(
    publisher: Publisher, who: Principal, slug: str, submission: Submission, idempotency_key: str | None
) -> asyncio.Future[Stored]:
    """As `publish`: it stands in line when this returns, and the future has the rest. Raises InvalidRequest or
    NotFound for what no log has to be asked about, and Unavailable where the line is full."""
    if idempotency_key is not None and not 1 <= len(idempotency_key) <= MAX_IDEMPOTENCY_KEY:
        raise InvalidRequest(f"An Idempotency-Key is 1 to {MAX_IDEMPOTENCY_KEY} characters.", field="Idempotency-Key")
    if idempotency_key is not None and "\0" in idempotency_key:
        raise InvalidRequest("An Idempotency-Key must not contain the character U+0000.", field="Idempotency-Key")
    check_name(slug)
    return publisher.submit(Submitted(slug, who, submission, idempotency_key))
