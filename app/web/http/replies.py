"""Answers in JSON: encoded entries go out as they are, never decoded again."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from quart import Response

from app.model.update import Entry, bare


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer in JSON, before Quart or a fast path sends it: status, body, and headers of its own."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def all_headers(self) -> list[tuple[str, str]]:
        """Its own headers, and those of its body."""
        return [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(self.body))),
            *self.headers,
        ]

    def response(self) -> Response:
        """As Quart's response."""
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


def as_items(pairs: Iterable[tuple[str, Entry]]) -> bytes:
    """A JSON object of keys and entries."""
    parts: list[Any] = [b"%s:%s" % (msgspec.json.encode(key), bare(entry)) for key, entry in pairs]
    return b"{" + b",".join(parts) + b"}"
