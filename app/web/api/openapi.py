"""The OpenAPI 3.1 document, built from the routes and their views' descriptions. Its limits are those of the code."""

import re
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from types import UnionType
from typing import Any, get_args

import msgspec
from werkzeug.routing import Map, Rule

from app.errors import (
    INTERNAL_CODE,
    REFUSALS,
    InvalidRequest,
    RateLimited,
    Refusal,
    Unauthenticated,
    Unavailable,
)
from app.model.channel import SLUG
from app.web.api import schemas as shapes
from app.web.http.describe import Answer, Operation, Param, operation_of

type Document = dict[str, Any]

_ABOUT = """\
Publish an update to a channel and all its watchers receive it at once; each channel is a numbered, durable log, so \
that none is missed.

Send a token as `Authorization: Bearer tw_…`; anonymous callers may do what the channel permits to everyone. For a \
channel that the caller may not see, the answer is the same as for one that does not exist. OpenAPI can't describe the \
websocket at `/api/v1/ws`."""
_TAGS = {
    "Updates": "Publish, and read what was published.",
    "Live": "Follow a channel live, from any position in its log.",
    "Channels": "The channels, who may read them, and who may publish.",
    "Access": "Tickets, for clients that can't send a token.",
}
# Refusals of every call: the token is unknown, the caller calls too often, the database can't be reached.
_EVERYWHERE: tuple[type[Refusal], ...] = (InvalidRequest, Unauthenticated, RateLimited, Unavailable)
_HEADERS = {
    "X-Request-ID": "Identifies the call in the hub's log; the client's own if it sent one.",
    "RateLimit-Limit": "Calls that may be made at once.",
    "RateLimit-Remaining": "How many of them are left.",
    "RateLimit-Reset": "Seconds until all of them are available again.",
    "Retry-After": "Seconds after which to try again.",
    "WWW-Authenticate": "How to authenticate.",
}
_ON_EVERY_ANSWER = ("X-Request-ID", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_ON_REFUSALS = {RateLimited: "Retry-After", Unavailable: "Retry-After", Unauthenticated: "WWW-Authenticate"}
_VARIABLE = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")
_SLUG = {"type": "string", "pattern": f"^{SLUG.pattern}$"}


def build(routes: Map, views: Mapping[str, Callable[..., Any]], root: str = "") -> Document:
    """The document of every described view among `routes`, which begin after the path `root`."""
    described = [
        (rule, operation)
        for rule in routes.iter_rules()
        if (operation := operation_of(views.get(rule.endpoint, build))) is not None
    ]
    schemas = _Schemas([operation for _, operation in described])
    paths: Document = {}
    for rule, operation in sorted(described, key=lambda each: each[0].rule):
        item = paths.setdefault(_VARIABLE.sub(r"{\2}", rule.rule), _shared(rule))
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        for method in methods:
            # An operationId is unique, so a view with two methods becomes two operations.
            name = operation.name if method == methods[0] else f"{operation.name}_{method.lower()}"
            item[method.lower()] = _operation(operation, name, schemas)
    tags = [*_TAGS, *sorted({operation.tag for _, operation in described} - set(_TAGS))]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tidewire",
            "version": _version(),
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": root or "/"}],
        "security": [{}, {"token": []}],
        "tags": [{"name": tag} | ({"description": _TAGS[tag]} if tag in _TAGS else {}) for tag in tags],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "parameters": {
                "slug": _parameter(Param("slug", "The channel's name.", _SLUG, "path", True)),
            },
            "headers": {name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()},
            "responses": {kind.__name__: _refusal(kind) for kind in REFUSALS} | {"Internal": _failure()},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An API token; it begins with tw_."},
                "ticket": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "ticket",
                    "description": "A one-use ticket, for a stream or a websocket.",
                },
            },
        },
    }


class _Schemas:
    """The JSON schemas of every type that the operations name."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        bodies = [shapes.Error]
        for operation in operations:
            bodies += [operation.body, *(answer.body for answer in operation.answers.values())]
        self._types = list(dict.fromkeys(member for body in bodies for member in _members(body)))
        found, self.components = msgspec.json.schema_components(self._types, ref_template="#/components/schemas/{name}")
        self._schemas = dict(zip(self._types, found, strict=True))
        for schema in self.components.values():
            for field in schema.get("properties", {}).values():
                _lift(field)
        codes = [*(kind.code for kind in REFUSALS), INTERNAL_CODE]
        self.components["Fault"]["properties"]["code"]["enum"] = codes

    def content(self, body: Any, media: str, example: Any = None) -> Document:
        """A content object: `body` a type, or a union of them, in the media type."""
        schemas = [self._schemas[member] for member in _members(body)] or [{"type": "string"}]
        schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        return {media: {"schema": schema} | ({"example": example} if example is not None else {})}


def _members(body: Any) -> tuple[Any, ...]:
    """The members of a union, because msgspec generates no schema for a union of objects."""
    if body is None:
        return ()
    return get_args(body) if isinstance(body, UnionType) else (body,)


def _lift(field: Document) -> None:
    """Move a description from an alternative to the field, and remove a default of null."""
    for alternative in field.get("anyOf", ()):
        if "description" in alternative:
            field.setdefault("description", alternative.pop("description"))
    if "default" in field and field["default"] is None:
        del field["default"]


def _operation(operation: Operation, name: str, schemas: _Schemas) -> Document:
    answers = {str(status): _answer(answer, schemas) for status, answer in operation.answers.items()}
    for kind in sorted({*operation.refusals, *_EVERYWHERE}, key=lambda kind: kind.status):
        answers[str(kind.status)] = {"$ref": f"#/components/responses/{kind.__name__}"}
    answers["500"] = {"$ref": "#/components/responses/Internal"}
    described: Document = {"operationId": name, "tags": [operation.tag], "summary": operation.summary}
    if operation.text:
        described["description"] = operation.text
    if operation.params:
        described["parameters"] = [_parameter(param) for param in operation.params if param.name != "ticket"]
    if any(param.name == "ticket" for param in operation.params):
        described["security"] = [{}, {"token": []}, {"ticket": []}]
    if operation.body is not None:
        content = schemas.content(operation.body, operation.media, operation.example)
        described["requestBody"] = {"required": operation.body_required, "content": content}
    return {**described, "responses": dict(sorted(answers.items()))}


def _shared(rule: Rule) -> Document:
    """The parameters of every method of a path: the variables in it."""
    parameters: list[Document] = []
    for kind, name in _VARIABLE.findall(rule.rule):
        if name == "slug":
            parameters.append({"$ref": "#/components/parameters/slug"})
        else:
            schema = {"type": "integer"} if kind == "int" else {"type": "string"}
            parameters.append(_parameter(Param(name, "", schema, "path", True)))
    return {"parameters": parameters} if parameters else {}


def _parameter(param: Param) -> Document:
    described = {"name": param.name, "in": param.place, "description": param.text, "schema": param.schema}
    return described | ({"required": True} if param.required else {})


def _answer(answer: Answer, schemas: _Schemas) -> Document:
    described: Document = {"description": answer.text, "headers": _headers(*_ON_EVERY_ANSWER)}
    for name, text in answer.headers.items():
        described["headers"][name] = {"description": text, "schema": {"type": "string"}}
    if answer.body is not None or answer.media != "application/json":
        medias = (answer.media, *answer.other_media)
        described["content"] = {
            name: each for media in medias for name, each in schemas.content(answer.body, media).items()
        }
    return described


def _refusal(kind: type[Refusal]) -> Document:
    more = [_ON_REFUSALS[kind]] if kind in _ON_REFUSALS else []
    return _error(f"`{kind.code}`: {kind.__doc__}", kind.code, *more)


def _failure() -> Document:
    return _error(f"`{INTERNAL_CODE}`: an error of the hub's own; it was logged.", INTERNAL_CODE)


def _error(text: str, code: str, *headers: str) -> Document:
    fault = {"code": code, "message": "…", "field": None, "request_id": "6f1c0b7a93e2d485"}
    content = {"schema": {"$ref": "#/components/schemas/Error"}, "example": {"error": fault}}
    return {
        "description": text,
        "headers": _headers(*_ON_EVERY_ANSWER, *headers),
        "content": {"application/json": content},
    }


def _headers(*names: str) -> Document:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _version() -> str:
    try:
        return version("tidewire")
    except PackageNotFoundError:
        return "unreleased"  # It runs from a checkout that is not installed.
