"""Values of an update's fields as people write them: in a header, in a query, as an option of a command.

Each function raises ValueError for a text that is none; the rules of a draft are checked afterwards, as for JSON.
"""

import re
from math import isinf
from typing import Any

import msgspec

_LEVELS = {"warn": "warning", "err": "error", "crit": "critical", "fatal": "critical"}
_SWITCH = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}
# Python's own reading of numbers is wider than JSON's: 1_000, inf, other scripts' digits.
_NUMBER = re.compile(r"[+-]?([0-9]+|[0-9]*\.[0-9]+|[0-9]+\.)([eE][+-]?[0-9]+)?")


def level_of(text: str) -> str:
    """A level's name, in any case; also the usual short forms."""
    name = text.strip().lower()
    return _LEVELS.get(name, name)


def number_of(text: str) -> int | float:
    """A finite number; a whole one is exact, however many digits it has."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    if text.lstrip("+-").isdigit():
        return int(text)
    return _finite(text)


def progress_of(text: str) -> int | float:
    """A share such as 0.7, or a percentage such as 70%."""
    text = text.strip()
    if not text.endswith("%"):
        return number_of(text)
    return _finite(f"{number_of(text[:-1])}e-2")  # Rounded once: 33.3 / 100 is not 0.333.


def switch_of(text: str) -> bool:
    """A yes or a no, in any case; also true and false, on and off, 1 and 0."""
    try:
        return _SWITCH[text.strip().lower()]
    except KeyError:
        raise ValueError(text) from None


def json_of(text: str) -> Any:
    """Any JSON value."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError(text)
    return number
