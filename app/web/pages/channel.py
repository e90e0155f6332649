"""The pages: the public channels, and one channel, readable without JavaScript and live with it."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from markupsafe import Markup
from quart import Blueprint, render_template, request

from app.actions.channels import list_channels
from app.actions.find import readable
from app.actions.history import Slice, read_history
from app.errors import Refusal
from app.model.access import check_publish
from app.model.filter import Filter
from app.model.update import Entry
from app.web.http.context import services
from app.web.http.identity import caller
from app.web.http.query import number_arg, text_arg
from app.web.pages.markdown import is_rendered, to_html

blueprint = Blueprint("pages", __name__)
SHOWN = 50
_CHANNELS = 100
_LEVELS = 20
_MARKDOWN = 32 * 1024  # Characters of Markdown rendered for one page; what is beyond is shown as it is.
# Off the loop, and one page at a time, so that Markdown that takes a while holds up nobody but its readers.
_RENDERER = ThreadPoolExecutor(1, "pages")


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


@blueprint.get("/")
async def index() -> str:
    """The channels that stand in the caller's list."""
    who = await caller()
    found, next_cursor = await list_channels(
        services().db, who, q=text_arg("q"), after=text_arg("cursor", 63) or "", limit=_CHANNELS
    )
    return await render_template(
        "index.html",
        channels=found,
        query=text_arg("q") or "",
        next_cursor=next_cursor,
        base_url=_base_url(),
    )


@blueprint.get("/<slug>")
async def channel(slug: str) -> str:
    """One channel: its newest updates, newest first, and the position from which the page goes on live."""
    who = await caller()
    hub = services()
    found, role = await readable(hub.db, who, slug)
    before = number_arg("before")
    shown, entries = await read_history(hub.db, who, slug, Filter(), Slice(None, before, SHOWN))
    oldest = entries[-1].seq if entries else 0
    try:
        check_publish(who, found, role)
        may_publish = True
    except Refusal:
        may_publish = False
    return await render_template(
        "channel.html",
        channel=shown,
        updates=await asyncio.get_running_loop().run_in_executor(_RENDERER, _all_shown, entries),
        may_publish=may_publish,
        older=oldest if oldest > shown.first_seq else None,
        base_url=_base_url(),
    )


def _all_shown(entries: list[Entry]) -> list[ShownUpdate]:
    left = _MARKDOWN
    shown = []
    for entry in entries:
        fields: dict[str, Any] = msgspec.json.decode(entry.json)
        body = fields.get("body") or ""
        rendered = fields.get("format") == "markdown" and is_rendered(body) and len(body) <= left
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
    """Indented where that stays readable: a line a level, a few KiB nested deep would fill hundreds of MiB."""
    if _is_shallow(data, _LEVELS):
        return json.dumps(data, indent=2, ensure_ascii=False)
    return msgspec.json.encode(data).decode()


def _is_shallow(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inner is None or (levels > 0 and all(_is_shallow(each, levels - 1) for each in inner))


def _base_url() -> str:
    return (services().settings.public_url or request.host_url).rstrip("/")
