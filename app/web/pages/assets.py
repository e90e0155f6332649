"""The frontend's files under /static, by Flask's endpoint `static`: scripts, styles, images."""

import asyncio
from pathlib import Path, PurePosixPath

from quart import Blueprint, Response, request
from quart.blueprints import BlueprintSetupState
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from app.config import tree

# Fixed here, because the machine's own table may differ, and a browser runs no module of another type.
_TYPES = {
    "js": {".js": "text/javascript"},
    "css": {".css": "text/css"},
    "img": {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"},
}

blueprint = Blueprint("assets", __name__)


async def static(filename: str) -> Response:
    """One file of the frontend. A browser may cache it and revalidates it each time."""
    path = PurePosixPath(filename)
    mimetype = _TYPES.get(path.parts[0], {}).get(path.suffix) if path.parts else None
    found = safe_join(str(tree("frontend")), filename)
    if mimetype is None or found is None:
        raise NotFound
    try:
        # Read whole: the files are small, and a client that disconnects in the middle leaves no file open.
        data = await asyncio.to_thread(Path(found).read_bytes)
    except (OSError, ValueError):
        raise NotFound from None
    answer = Response(data, mimetype=mimetype)
    answer.headers["Cache-Control"] = "no-cache"
    await answer.add_etag()  # From the content, so that it is the same on every node.
    await answer.make_conditional(request)
    return answer


@blueprint.get("/favicon.ico")
async def favicon() -> Response:
    """The icon for clients that ask for it by its usual path; the pages name the file itself."""
    return await static("img/favicon.svg")


@blueprint.get("/robots.txt")
async def robots() -> Response:
    """Keeps crawlers from the API and from the streams, which never end."""
    return Response("User-agent: *\nDisallow: /api/\nDisallow: /*/sse\nDisallow: /*/json\n", mimetype="text/plain")


@blueprint.record
def _register_on_the_application(state: BlueprintSetupState) -> None:
    # A route of the blueprint would be `assets.static`; templates use url_for("static", filename=…), as in Flask.
    state.app.add_url_rule("/static/<path:filename>", "static", static)
