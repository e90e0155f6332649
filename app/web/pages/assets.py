"""The frontend's own files under /static, by Flask's own endpoint: scripts, styles, pictures."""

import asyncio
from pathlib import Path, PurePosixPath

from quart import Blueprint, Response, request
from quart.blueprints import BlueprintSetupState
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from app.config import tree

# Written out, because the machine's own table may say otherwise, and a browser runs no module of another type.
_TYPES = {
    "js": {".js": "text/javascript"},
    "css": {".css": "text/css"},
    "img": {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"},
}

blueprint = Blueprint("assets", __name__)


async def static(filename: str) -> Response:
    """A file of the frontend. A browser may keep it and asks each time whether it is still the one."""
    path = PurePosixPath(filename)
    mimetype = _TYPES.get(path.parts[0], {}).get(path.suffix) if path.parts else None
    found = safe_join(str(tree("frontend")), filename)
    if mimetype is None or found is None:
        raise NotFound
    try:
        # Read whole: the files are small, and a client that leaves in the middle leaves no file open.
        data = await asyncio.to_thread(Path(found).read_bytes)
    except (OSError, ValueError):
        raise NotFound from None
    answer = Response(data, mimetype=mimetype)
    answer.headers["Cache-Control"] = "no-cache"
    await answer.add_etag()  # Of the content: the same on every node.
    await answer.make_conditional(request)
    return answer


@blueprint.get("/favicon.ico")
async def favicon() -> Response:
    """For who asks without having read the page, which names the picture itself."""
    return await static("img/favicon.svg")


@blueprint.get("/robots.txt")
async def robots() -> Response:
    """Streams never end, so a crawler is kept from them."""
    return Response("User-agent: *\nDisallow: /api/\nDisallow: /*/sse\nDisallow: /*/json\n", mimetype="text/plain")


@blueprint.record
def _at_the_application(state: BlueprintSetupState) -> None:
    # A route of the blueprint would be `assets.static`; templates say url_for("static", filename=…), as in Flask.
    state.app.add_url_rule("/static/<path:filename>", "static", static)
