"""Reading queries and bodies, and writing JSON answers: the encoded entries go out as they are."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from quart import Response, request

from app.errors import InvalidRequest, UnsupportedMediaType
from app.model.parsing import parse_json, shaped
from app.model.update import Entry, bare

_MOST_SEQ = 2**62


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer in JSON before it is Quart's: what it says, and the headers that are its own."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()

    def response(self) -> Response:
        """As Quart takes it."""
        answer = Response(self.body, self.status, mimetype="application/json")
        for name, value in self.headers:
            answer.headers[name] = value
        return answer


def json_answer(value: object, status: int = 200) -> Response:
    """Any value that msgspec can encode, as JSON."""
    return Response(msgspec.json.encode(value), status, mimetype="application/json")


def entries_answer(head: dict[str, object], name: str, entries: Iterable[Entry]) -> Response:
    """`head` with one more field, a list of the entries."""
    return Response(entries_body(head, name, entries), mimetype="application/json")


def entries_body(head: dict[str, object], name: str, entries: Iterable[Entry]) -> bytes:
    """`head` with one more field, a list of the entries."""
    opening = msgspec.json.encode(head)[:-1] + (b"," if head else b"")
    return b"".join((opening, b'"', name.encode(), b'":[', b",".join([bare(entry) for entry in entries]), b"]}"))


def number_arg(name: str, *, least: int = 0, most: int = _MOST_SEQ) -> int | None:
    """A whole number in the query; None when it is not given. Raises InvalidRequest, naming it and its bounds."""
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or not least <= int(text) <= most:
        span = f"from {least} to {most}" if most < _MOST_SEQ else f"from {least}"
        raise InvalidRequest(f"{name} must be a whole number {span}.", field=name)
    return int(text)


def text_arg(name: str, most: int = 200) -> str | None:
    """A text in the query; None when it is not given or empty. Raises InvalidRequest when it is too long."""
    text = request.args.get(name)
    if text is not None and (len(text) > most or "\0" in text):
        raise InvalidRequest(f"{name} must be up to {most} characters, none of them U+0000.", field=name)
    return text or None


async def read_body[T](kind: type[T]) -> T:
    """The request's JSON body as `kind`. Raises InvalidRequest naming the field, or UnsupportedMediaType."""
    check_json_type(request.headers.get("Content-Type"))
    return shaped(parse_json(await body_bytes()), kind)


async def body_bytes() -> bytes:
    """The request's body as it came."""
    body = await request.get_data(as_text=False)
    assert isinstance(body, bytes)
    return body


def check_json_type(given: str | None) -> None:
    """Raises UnsupportedMediaType for a body that says it is something else than JSON."""
    kind = (given or "").partition(";")[0].strip().lower()
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMediaType(f"Send the body as application/json, not {kind[:80]}.", field="Content-Type")


def as_items(pairs: Iterable[tuple[str, Entry]]) -> bytes:
    """A JSON object of keys and entries."""
    parts: list[Any] = [b"%s:%s" % (msgspec.json.encode(key), bare(entry)) for key, entry in pairs]
    return b"{" + b",".join(parts) + b"}"
