"""The site's first page: the channels in the caller's list, with a search."""

from quart import Blueprint, render_template, request

from app.actions.channels import list_channels
from app.web.http.context import services
from app.web.http.identity import caller
from app.web.http.query import text_arg

blueprint = Blueprint("tidewire_site", __name__)
_CHANNELS_PER_PAGE = 100


@blueprint.get("/")
async def index() -> str:
    """One page of the caller's channels, or of those that match the search."""
    principal = await caller()
    query = text_arg("q")
    after = text_arg("cursor", 63) or ""
    found, next_cursor = await list_channels(services().db, principal, q=query, after=after, limit=_CHANNELS_PER_PAGE)
    return await render_template(
        "index.html", channels=found, query=query or "", after=after, next_cursor=next_cursor, base_url=base_url()
    )


def base_url() -> str:
    """The hub's address as the pages' commands show it, without a slash at the end."""
    return (services().settings.public_url or request.root_url).rstrip("/")
