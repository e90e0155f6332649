"""The frontend's files under /static, by Flask's endpoint `static`: scripts, styles, images."""

import asyncio
import hashlib
from pathlib import Path, PurePosixPath

from quart import Blueprint, Quart, Response, current_app, request
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from app.config import tree

# Fixed here, because the machine's own table may differ, and a browser runs no module of another type.
_TYPES = {
    "js": {".js": "text/javascript"},
    "css": {".css": "text/css"},
    "img": {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"},
}

blueprint = Blueprint("tidewire_assets", __name__)
_EXTENSION = "tidewire.assets"
_DIGEST_CHARACTERS = 16
_REVALIDATED = "no-cache"
_FOR_A_YEAR = "public, max-age=31536000, immutable"  # RFC 8246


async def static(filename: str, digest: str | None = None) -> Response:
    """One file of the frontend. A browser may keep it for a year under the digest of what this hub serves, and
    otherwise revalidates it each time; so during an upgrade, pages of another version load what there is."""
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
    is_current = digest is not None and digest == current_app.extensions.get(_EXTENSION)
    answer.headers["Cache-Control"] = _FOR_A_YEAR if is_current else _REVALIDATED
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


def install(app: Quart, *, with_digest: bool) -> None:
    """Serve the files by Flask's endpoint `static`; `url_for` names them with their digest if `with_digest`.

    The digest is one of all files, and a folder of the path: modules and styles name one another by relative paths.
    """
    app.add_url_rule("/static/<path:filename>", "static", static)
    app.add_url_rule(f"/static/<string(length={_DIGEST_CHARACTERS}):digest>/<path:filename>", "static", static)
    if not with_digest:
        return
    digest = app.extensions[_EXTENSION] = _digest(tree("frontend"))

    @app.url_defaults
    def name_digest(endpoint: str, values: dict[str, object]) -> None:
        if endpoint == "static":
            values.setdefault("digest", digest)


def _digest(folder: Path) -> str:
    """A digest of the names and contents of all files that are served."""
    found = hashlib.sha256()
    for top in sorted(_TYPES):
        for path in sorted((folder / top).rglob("*")):
            if path.suffix in _TYPES[top]:
                data = path.read_bytes()
                found.update(f"{path.relative_to(folder)} {len(data)} ".encode() + data)
    return found.hexdigest()[:_DIGEST_CHARACTERS]
