"""The page of one channel: readable without JavaScript, and live with it."""

from collections.abc import Callable
from functools import partial

from quart import Blueprint, abort, redirect, url_for
from quart.typing import ResponseReturnValue

from app.actions.find import readable
from app.actions.history import Slice, read_history
from app.actions.tokens import create_own_token
from app.errors import Forbidden, InvalidRequest, NotFound, RateLimited, Refusal
from app.model.access import Principal, Scope, check_configure, check_publish, may_see_names
from app.model.channel import RESERVED, Publishing, Visibility
from app.model.filter import Filter
from app.web.http.context import current_call, services
from app.web.http.describe import Answer, Operation, describe, seq
from app.web.http.identity import caller
from app.web.http.query import number_arg
from app.web.pages.forms import TokenForm, posted
from app.web.pages.rendering import Renderer, render_in_turns
from app.web.pages.site import base_url

blueprint = Blueprint("tidewire_channel", __name__)
_UPDATES_PER_PAGE = 50
_TOKEN_DAYS = 90
_PAGE_COST = 4  # Beside the same updates as JSON: half of it the CPU of the page, half that of its Markdown.
_renderer = Renderer()


@blueprint.get("/<slug>")
@describe(
    Operation(
        name="show_channel",
        tag="Channels",
        summary="Show a channel in a browser",
        params=(seq("before", "Only updates before this seq."),),
        answers={200: Answer("The newest updates, newest first.", str, "text/html; charset=utf-8")},
        refusals=(InvalidRequest, Forbidden, NotFound, RateLimited),
    )
)
async def show(slug: str) -> str:
    """The channel's newest updates, newest first, and the position from which the page continues live."""
    if slug in RESERVED:
        abort(404)  # No channel has that name: it is an address of the hub's, misspelt.
    return await _page(await caller(), slug, number_arg("before"))


@blueprint.post("/<slug>/token")
async def make_token(slug: str) -> ResponseReturnValue:
    """The page once more, with a new token in its commands: it is shown this once."""
    who, _ = await posted(TokenForm)
    name = f"{slug}, from its page"
    token = await create_own_token(services().db, who, slug, name, frozenset(Scope), days=_TOKEN_DAYS)
    return await _page(who, slug, None, token=token), 201


@blueprint.get("/<slug>/token")
async def forget_token(slug: str) -> ResponseReturnValue:
    """The token is not shown again: to the channel's page."""
    return redirect(url_for("tidewire_channel.show", slug=slug), 303)


async def _page(who: Principal, slug: str, before: int | None, *, token: str | None = None) -> str:
    db, max_bytes = services().db, services().settings.answer_bytes
    found, role = await readable(db, who, slug)
    part = Slice(None, before, _UPDATES_PER_PAGE, max_bytes)
    async with services().reads.read(current_call().address) as sized:
        shown, entries, next_seq = await read_history(db, who, slug, Filter(), part)
        sized(_PAGE_COST * sum(len(entry.json) for entry in entries))
    return await render_in_turns(
        "channel.html",
        channel=shown,
        updates=await _renderer.shown(entries),
        may_publish=_is_allowed(partial(check_publish, who, found, role)),
        may_configure=_is_allowed(partial(check_configure, who, found, role)),
        sees_members=may_see_names(who, found, role),
        is_open=found.visibility is not Visibility.PRIVATE and found.publishing is Publishing.EVERYONE,
        is_private=found.visibility is Visibility.PRIVATE,
        token=token,
        token_days=_TOKEN_DAYS,
        older=next_seq,
        base_url=base_url(),
    )


def _is_allowed(check: Callable[[], None]) -> bool:
    try:
        check()
    except Refusal:
        return False
    return True
