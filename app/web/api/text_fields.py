"""The fields of a text publish: what its headers and its query set, and how the document describes them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, get_args

import msgspec

from app.errors import InvalidRequest, InvalidUpdate
from app.model.draft import RULES
from app.model.rules import sentences_of, types_of
from app.model.text_values import json_of, level_of, number_of, progress_of, switch_of
from app.model.update import MAX_TAGS, Draft, Level
from app.web.http.call import Call
from app.web.http.describe import Param
from app.web.http.encoded_words import decoded


@dataclass(frozen=True, slots=True)
class _Field:
    """How its text is read, its rule in words for a refusal, and what the document shows."""

    read: Callable[[str], Any]
    rule: str
    about: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})


def _tags_of(text: str) -> list[str]:
    return [tag.strip() for tag in text.split(",") if tag.strip()]


def _same(name: str, read: Callable[[str], Any] = str) -> _Field:
    """A field whose rule and schema are those of the update's field."""
    return _Field(read, RULES[name], _SENTENCES[name], msgspec.json.schema(_TYPES[name]))


_SENTENCES, _TYPES = sentences_of(Draft), types_of(Draft)
_FIELDS = {
    "title": _same("title"),
    "level": _Field(
        level_of,
        RULES["level"],
        f"{_SENTENCES['level']} In any case; warn, err, crit and fatal too.",
        {"type": "string", "examples": list(get_args(Level))},
    ),
    "tags": _Field(_tags_of, RULES["tags"], f"Up to {MAX_TAGS}, comma separated."),
    "key": _same("key"),
    "value": _same("value", number_of),
    "unit": _same("unit"),
    "progress": _Field(
        progress_of,
        f"{RULES['progress']}, or a percentage such as 70%",
        f"{_SENTENCES['progress']} Or a percentage, such as 70%.",
        {"anyOf": [msgspec.json.schema(_TYPES["progress"]), {"type": "string", "pattern": "%$"}]},
    ),
    "status": _same("status"),
    "link": _same("link"),
    "markdown": _Field(switch_of, "yes or no", "yes or no: the body is Markdown."),
    "data": _Field(json_of, "JSON", _SENTENCES["data"]),
    "gone": _Field(switch_of, "yes or no", f"yes or no. {_SENTENCES['gone']}"),
}
HEADERS = frozenset(name.encode() for name in _FIELDS)
PARAMS = (
    *(Param(name.title(), each.about, each.schema, "header") for name, each in _FIELDS.items()),
    *(Param(name, f"As the header {name.title()}.", each.schema) for name, each in _FIELDS.items()),
)


def fields_of(call: Call) -> dict[str, object]:
    """The fields that the call's headers set, and its query where no header does, as JSON would have them.

    Raises InvalidUpdate for a value that can't be read, InvalidRequest for a parameter that is unknown or given twice.
    """
    if call.arguments:
        _check_query(call)
    fields: dict[str, object] = {}
    for name, each in _FIELDS.items():
        text = _given(call, name)
        # An empty text is what a shell makes of an unset variable; as a yes or a no it would be a guess.
        if text or (text is not None and each.read is switch_of):
            try:
                fields[name] = each.read(text)
            except ValueError:
                raise InvalidUpdate(f"{name} must be {each.rule}.", field=name) from None
    if fields.pop("markdown", False):
        fields["format"] = "markdown"
    if not fields.get("gone", True):
        del fields["gone"]
    return fields


def _check_query(call: Call) -> None:
    for name, times in Counter(name for name, _ in call.arguments).items():
        if name not in _FIELDS:
            names = f"it may have {', '.join(_FIELDS)}; the text is the request's body"
            raise InvalidRequest(f"A text publish has no parameter {name[:80]!r}; {names}.", field=name[:80])
        if times > 1 and name != "tags":
            raise InvalidRequest(f"{name} must be given once; the query has it {times} times.", field=name)


def _given(call: Call, name: str) -> str | None:
    """A header's value, else the query's. Raises InvalidRequest for a header that is sent twice and is no list."""
    found = call.header(name) if name == "tags" else call.single_header(name)
    if found is None:
        values = [value for each, value in call.arguments if each == name]
        return ",".join(values) if values else None
    return found if name == "data" else decoded(found)  # JSON has escapes of its own.
