"""The page of one channel: readable without JavaScript, and live with it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from quart import Blueprint, render_template

from app.actions.find import readable
from app.actions.history import Slice, read_history
from app.errors import Refusal
from app.model.access import check_publish
from app.model.filter import Filter
from app.web.http.context import services
from app.web.http.identity import caller
from app.web.http.query import number_arg
from app.web.pages.site import base_url
from app.web.pages.updates import shown_updates

blueprint = Blueprint("channel", __name__)
_UPDATES_PER_PAGE = 50
# One thread for all pages: slow Markdown delays other pages, never the loop.
_RENDERER = ThreadPoolExecutor(1, "pages")


@blueprint.get("/<slug>")
async def show(slug: str) -> str:
    """The channel's newest updates, newest first, and the position from which the page continues live."""
    principal = await caller()
    db = services().db
    found, role = await readable(db, principal, slug)
    before = number_arg("before")
    shown, entries = await read_history(db, principal, slug, Filter(), Slice(None, before, _UPDATES_PER_PAGE))
    oldest = entries[-1].seq if entries else 0
    try:
        check_publish(principal, found, role)
        may_publish = True
    except Refusal:
        may_publish = False
    return await render_template(
        "channel.html",
        channel=shown,
        updates=await asyncio.get_running_loop().run_in_executor(_RENDERER, shown_updates, entries),
        may_publish=may_publish,
        older=oldest if oldest > shown.first_seq else None,
        base_url=base_url(),
    )
