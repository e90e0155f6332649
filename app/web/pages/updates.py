"""Updates as the pages' templates show them."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from markupsafe import Markup

from app.model.update import Entry
from app.web.pages.markdown import is_rendered, to_html

_MAX_INDENTED_LEVELS = 20
_MAX_MARKDOWN_PER_PAGE = 32 * 1024  # Characters; Markdown beyond them is shown as plain text.


@dataclass(frozen=True, slots=True)
class ShownUpdate:
    """An update as a template shows it."""

    seq: int
    id: str
    at: datetime
    author: str | None
    title: str | None
    body: str | None
    body_html: Markup | None
    level: str
    tags: tuple[str, ...]
    link: str | None
    key: str | None
    value: int | float | None
    unit: str | None
    progress: float | None
    status: str | None
    gone: bool
    data_json: str | None


def shown_updates(entries: list[Entry], *, is_busy: bool = False) -> list[ShownUpdate]:
    """The entries for a template, with Markdown rendered up to the bound of a page. It blocks, so call it on a thread,
    but where `is_busy` says that all Markdown is to be shown as plain text."""
    left = 0 if is_busy else _MAX_MARKDOWN_PER_PAGE
    shown = []
    for entry in entries:
        fields: dict[str, Any] = msgspec.json.decode(entry.json)
        body = fields.get("body") or ""
        rendered = fields.get("format") == "markdown" and len(body) <= left and is_rendered(body)
        left -= len(body) if rendered else 0
        shown.append(_shown(entry, fields, to_html(body) if rendered else None))
    return shown


def _shown(entry: Entry, fields: dict[str, Any], body_html: Markup | None) -> ShownUpdate:
    return ShownUpdate(
        seq=entry.seq,
        id=fields["id"],
        at=datetime.fromisoformat(fields["at"]),
        author=fields["author"],
        title=fields.get("title"),
        body=fields.get("body"),
        body_html=body_html,
        level=fields.get("level", "info"),
        tags=tuple(fields.get("tags", ())),
        link=fields.get("link"),
        key=fields.get("key"),
        value=fields.get("value"),
        unit=fields.get("unit"),
        progress=fields.get("progress"),
        status=fields.get("status"),
        gone=fields.get("gone", False),
        data_json=_data_json(fields["data"]) if "data" in fields else None,
    )


def _data_json(data: Any) -> str:
    """JSON, indented only if it is shallow: indented, a few KiB of nested brackets would fill hundreds of MiB."""
    if _is_shallow(data, _MAX_INDENTED_LEVELS):
        return json.dumps(data, indent=2, ensure_ascii=False)
    return msgspec.json.encode(data).decode()


def _is_shallow(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inner is None or (levels > 0 and all(_is_shallow(each, levels - 1) for each in inner))
