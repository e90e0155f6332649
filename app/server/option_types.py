"""The types of hypercorn's options, from its own class: a wrong value in hypercorn.toml is refused by its name."""

from enum import Enum
from math import isfinite
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from hypercorn.config import Config

_RULES: dict[type, str] = {
    bool: "true or false",
    int: "a whole number from 0",
    float: "a number of seconds from 0",
    str: "a text",
    list: "a list of texts",
    dict: "a table",
}
_ADDRESSES = ("bind", "insecure_bind", "quic_bind")


def option_types() -> dict[str, list[type]]:
    """The types that each option takes: as they are annotated, else those of its default."""
    hints = get_type_hints(Config)
    found: dict[str, list[type]] = {"root_path": [str], **{name: [str, list] for name in _ADDRESSES}}
    for name, default in vars(Config).items():
        is_value = not name.startswith("_") and (default is None or type(default) in _RULES)
        if is_value:
            found[name] = _kinds(hints.get(name, type(default)))
    return found


def broken_rule(kinds: list[type], value: object) -> str | None:
    """What the value must be, when it is of none of these types."""
    if any(_is_of(kind, value) for kind in kinds):
        return None
    return " or ".join(_RULES[kind] for kind in kinds)


def _kinds(hint: Any) -> list[type]:
    each = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    plain = [int if isinstance(kind, type) and issubclass(kind, Enum) else get_origin(kind) or kind for kind in each]
    return [kind for kind in plain if kind in _RULES]


def _is_of(kind: type, value: object) -> bool:
    if kind is list:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if kind in (int, float):
        is_number = type(value) is int or (kind is float and isinstance(value, float) and isfinite(value))
        return is_number and value >= 0  # type: ignore[operator]
    return isinstance(value, kind)
