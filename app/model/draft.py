"""Parses drafts: every rule of an update is checked here, and a refusal names the field that breaks one."""

import re
import sys
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from app.errors import InvalidRequest, InvalidUpdate, TooLarge
from app.model.parsing import broken_rule, parse_json
from app.model.rules import rules_of
from app.model.update import (
    ENVELOPE_BYTES,
    MAX_BATCH,
    MAX_BODY_BYTES,
    MAX_DATA_BYTES,
    MAX_DATA_LEVELS,
    MAX_UPDATE_BYTES,
    Draft,
    one_line,
)

RULES = rules_of(Draft)
SERVER_FIELDS = ("channel", "epoch", "seq", "id", "at", "author")
_TEXTS = ("title", "body", "link", "key", "unit", "status")
_MAX_NUMBER = sys.float_info.max  # Beyond it a number is infinite for most readers of JSON.
CONTENT = ("title", "body", "value", "progress", "status")


class Submission(Struct, frozen=True):
    """Drafts that are checked and encoded. All of them are stored, in order, or none."""

    drafts: tuple[Draft, ...]
    fields: tuple[bytes, ...]


def parse_submission(body: bytes) -> tuple[Submission, bool]:
    """The drafts of a request's body, and whether it was a batch. Raises InvalidRequest, InvalidUpdate or TooLarge."""
    value = parse_json(body)
    if not isinstance(value, dict):
        raise InvalidRequest('The body must be a JSON object: one update, or {"updates": [...]}.')
    if "updates" not in value:
        return check([draft_of(value)]), False
    extra = next((name for name in value if name != "updates"), None)
    if extra is not None:
        raise InvalidRequest("A batch has the field updates and no other.", field=str(extra)[:80])
    given = value["updates"]
    if not isinstance(given, list) or not given:
        raise InvalidRequest(f"updates must be a list of 1 to {MAX_BATCH} updates.", field="updates")
    if len(given) > MAX_BATCH:
        raise TooLarge(f"A batch holds up to {MAX_BATCH} updates; got {len(given)}.", field="updates")
    drafts: list[Draft] = []
    fields: list[bytes] = []
    for index, each in enumerate(given):
        try:
            drafts.append(draft_of(each))
            fields.append(_encoded(drafts[-1]))
        except (InvalidUpdate, TooLarge) as refusal:
            field = f"updates[{index}]" + (f".{refusal.field}" if refusal.field else "")
            raise type(refusal)(f"Update {index} of the batch: {refusal.message}", field=field) from None
    return Submission(tuple(drafts), tuple(fields)), True


def draft_of(value: object) -> Draft:
    """A draft from a decoded JSON value. Raises InvalidUpdate, naming the field."""
    try:
        draft = msgspec.convert(value, Draft)
        return draft if draft.tags is not None else replace(draft, tags=())
    except msgspec.ValidationError:
        refusal = broken_rule(value, Draft, "An update", InvalidUpdate)
    if refusal.field in SERVER_FIELDS:
        raise InvalidUpdate(f"{refusal.field} is set by the server and can't be given.", field=refusal.field)
    raise refusal


def broken(field: str) -> InvalidUpdate:
    """The refusal of a draft whose field breaks its rule."""
    return InvalidUpdate(f"{field} must be {RULES[field]}.", field=field)


def check(drafts: list[Draft]) -> Submission:
    """The drafts, encoded. Raises InvalidUpdate or TooLarge for a rule that their types can't express."""
    return Submission(tuple(drafts), tuple(_encoded(draft) for draft in drafts))


def _encoded(draft: Draft) -> bytes:
    _check_texts(draft)
    if draft.body is not None and len(draft.body.encode()) > MAX_BODY_BYTES:
        raise broken("body")
    if draft.link is not None and not _is_link(draft.link):
        raise broken("link")
    if draft.gone is not None and not (draft.gone and draft.key is not None):
        raise broken("gone")
    if draft.data is not UNSET:
        data = _encode(draft.data)
        if len(data) > MAX_DATA_BYTES or _is_deeper(draft.data, data):
            raise broken("data")
    if not (any(getattr(draft, name) not in (None, "") for name in CONTENT) or draft.data is not UNSET or draft.gone):
        raise InvalidUpdate(f"An update must have at least one of {', '.join(CONTENT)} or data.")
    if isinstance(draft.value, int) and abs(draft.value) > _MAX_NUMBER:
        raise broken("value")
    fields = _encode(draft)
    if len(one_line(fields)) > MAX_UPDATE_BYTES - ENVELOPE_BYTES:
        raise TooLarge(f"A whole update is at most {MAX_UPDATE_BYTES // 1024} KiB encoded.")
    return fields


def _is_deeper(value: object, encoded: bytes) -> bool:
    """Is it nested in more levels than MAX_DATA_LEVELS? Most has fewer brackets than that."""
    if encoded.count(b"[") + encoded.count(b"{") <= MAX_DATA_LEVELS:
        return False
    level = [value]
    for _ in range(MAX_DATA_LEVELS):
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [each for values in inner for each in values if isinstance(each, dict | list)]
        if not level:
            return False
    return True


def _encode(value: object) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (RecursionError, OverflowError, UnicodeEncodeError):
        raise broken("data") from None


def _check_texts(draft: Draft) -> None:
    """Refuse U+0000, because PostgreSQL's text can't hold it."""
    for name in _TEXTS:
        text = getattr(draft, name)
        if text is not None and "\0" in text:
            raise InvalidUpdate(f"{name} must not contain the character U+0000.", field=name)
    if any("\0" in tag for tag in draft.tags or ()):
        raise InvalidUpdate("tags must not contain the character U+0000.", field="tags")


def _is_link(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s\x00-\x1f]", text)
    except ValueError:
        return False
