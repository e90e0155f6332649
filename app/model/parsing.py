"""Parses JSON to values. A value that breaks a rule is refused with the rule's words and the field's name."""

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from app.errors import InvalidRequest, Refusal
from app.model.rules import rule_of

_MAX_NAME_CHARACTERS = 80


def parse_json(body: bytes | str, whole: str = "The body") -> Any:
    """Any JSON value. Raises InvalidRequest for what is not JSON (RFC 8259) or is nested too deep."""
    if not body:
        raise InvalidRequest(f"{whole} is empty; it must be JSON.")
    try:
        return msgspec.json.decode(body)
    except UnicodeDecodeError:
        raise InvalidRequest(f"{whole} must be JSON in UTF-8.") from None
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"{whole} must be JSON: {error}.") from None
    except RecursionError:
        raise InvalidRequest(f"{whole} is nested too deep.") from None


def shaped[T: Struct](
    value: object, kind: type[T], whole: str = "The body", *, spelled: Callable[[str], str] = str
) -> T:
    """The decoded value as `kind`. Raises InvalidRequest with the message of `broken_rule`."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        raise broken_rule(value, kind, whole, InvalidRequest, spelled=spelled) from None


def broken_rule(
    value: object, kind: type[Struct], whole: str, refusal: type[Refusal], *, spelled: Callable[[str], str] = str
) -> Refusal:
    """The refusal of a value that is not a `kind`: it names the first wrong field and its rule, or `whole`.

    msgspec's own messages don't contain the rule, so on this path every field is converted again by itself. `spelled`
    returns a field's name as the caller writes it.
    """
    if not isinstance(value, dict):
        return refusal(f"{whole} must be a JSON object.")
    config, known = kind.__struct_config__, _fields(kind)
    for name, given in value.items():
        if name in known:
            if not _is_a(given, known[name].type):
                return refusal(f"{spelled(name)} must be {rule_of(known[name].type)}.", field=name)
        elif config.forbid_unknown_fields and name != config.tag_field:
            short = name[:_MAX_NAME_CHARACTERS]
            names = ", ".join(spelled(each) for each in known)
            return refusal(f"{whole} has no field {short!r}; it may have {names}.", field=short)
    for name, field in known.items():
        if field.required and name not in value:
            return refusal(f"{spelled(name)} is missing; it must be {rule_of(field.type)}.", field=name)
    return refusal(f"{whole} is not valid.")


@cache  # Reading a type's annotations costs twenty times as much as finding the wrong field.
def _fields(kind: type[Struct]) -> dict[str, FieldInfo]:
    return {field.encode_name: field for field in fields(kind)}


def _is_a(value: object, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True
