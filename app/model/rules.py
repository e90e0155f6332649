"""A field's rule, written once beside its type: validation, refusals, OpenAPI, text publish and the guide use it.

A rule's words complete the sentence "FIELD must be …". msgspec checks the limits; its own messages are never shown.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, TypeAliasType, Union, get_args, get_origin
from uuid import UUID

from msgspec import Meta, Struct, UnsetType
from msgspec.structs import fields

_WORDS = "rule"
# The words for types without words of their own.
_PLAIN: dict[object, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    datetime: "a time such as 2026-11-21T09:30:00Z",
    UUID: "a UUID",
    list: "a list",
    tuple: "a list",
    dict: "a JSON object",
    Any: "any JSON",
}


def rule(words: str, note: str = "", **limits: Any) -> Meta:
    """A rule in words, what the field means, and the limits as msgspec's Meta takes them."""
    sentence = f"{words[0].upper()}{words[1:]}" + (f"; {note}." if note else ".")
    meta: Meta = Meta(description=sentence, extra={_WORDS: words}, **limits)
    return meta


def text(least: int, most: int, note: str = "", *, kind: str = "text") -> Meta:
    """A text of `least` to `most` characters; `kind` names it in the rule."""
    length = f"{least} to {most}" if least else f"up to {most}"
    return rule(f"{kind}, {length} characters", note, min_length=least or None, max_length=most)


def whole(least: int, most: int, note: str = "") -> Meta:
    """A whole number within bounds."""
    return rule(f"a whole number from {least} to {most}", note, ge=least, le=most)


def one_of(literal: object, note: str = "") -> Meta:
    """One of the values of a Literal."""
    return rule(_choice(get_args(literal)), note)


def rule_of(kind: Any) -> str:
    """The words of the rule for this type. Raises TypeError for a type that has none."""
    if isinstance(kind, TypeAliasType):
        return rule_of(kind.__value__)
    for meta in _metas(kind):
        if meta.extra and _WORDS in meta.extra:
            return str(meta.extra[_WORDS])
    origin = get_origin(kind)
    if origin is Annotated:
        return rule_of(get_args(kind)[0])
    if origin is Literal:
        return _choice(get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _choice(each.value for each in kind)
    if isinstance(kind, type) and issubclass(kind, Struct):
        return _PLAIN[dict]
    if words := _PLAIN.get(kind) or _PLAIN.get(origin):
        return words
    members = _members(kind)
    if not members:
        raise TypeError(f"{kind} needs a rule in words.")
    return " or ".join(dict.fromkeys(rule_of(member) for member in members))


def rules_of(struct: type[Struct]) -> dict[str, str]:
    """The words of every field, by its name."""
    return {field.encode_name: rule_of(field.type) for field in fields(struct)}


def types_of(struct: type[Struct]) -> dict[str, Any]:
    """The type of every field with its limits, by its name; without null and absence if one type is left then."""
    found = {field.encode_name: field.type for field in fields(struct)}
    return {name: members[0] if len(members := _members(kind)) == 1 else kind for name, kind in found.items()}


def sentences_of(struct: type[Struct]) -> dict[str, str]:
    """The sentence of every field that has a written rule, by its name: the rule and its note."""
    metas = {name: _metas(kind) for name, kind in types_of(struct).items()}
    return {name: meta.description for name, found in metas.items() for meta in found if meta.description}


def _members(union: Any) -> list[Any]:
    """The members of a union, without null and absence; an empty list for any other type."""
    is_union = get_origin(union) in (Union, UnionType)
    return [each for each in get_args(union) if each not in (type(None), UnsetType)] if is_union else []


def _metas(kind: Any) -> list[Meta]:
    return [each for each in getattr(kind, "__metadata__", ()) if isinstance(each, Meta)]


def _choice(words: Iterable[object]) -> str:
    return "one of " + ", ".join(str(word) for word in words)
