"""How a view describes itself for the OpenAPI document: written beside the view, read by `api/openapi.py`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.errors import Refusal

_ATTRIBUTE = "__operation__"


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter in the query or a header; `schema` is JSON Schema."""

    name: str
    text: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    place: str = "query"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One way to succeed: what it means, the msgspec type of its content, and headers of its own.

    Its media type is `media`, or one of `other_media` if the caller accepts that one.
    """

    text: str
    body: Any = None
    media: str = "application/json"
    other_media: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call of the API."""

    name: str
    tag: str
    summary: str
    answers: dict[int, Answer]
    text: str = ""
    body: Any = None
    body_required: bool = True
    media: str = "application/json"
    params: tuple[Param, ...] = ()
    refusals: tuple[type[Refusal], ...] = ()
    example: Any = None


def describe[View: Callable[..., Any]](operation: Operation) -> Callable[[View], View]:
    """Mark a view as one that the document shows."""

    def mark(view: View) -> View:
        setattr(view, _ATTRIBUTE, operation)
        return view

    return mark


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """The view's description; None where it has none and is not in the document."""
    return getattr(view, _ATTRIBUTE, None)


def seq(name: str, text: str) -> Param:
    """A parameter that is a seq."""
    return Param(name, text, {"type": "integer", "minimum": 0})


def limit(most: int, default: int) -> Param:
    """A parameter that bounds a page."""
    return Param("limit", "How many at most.", {"type": "integer", "minimum": 1, "maximum": most, "default": default})
