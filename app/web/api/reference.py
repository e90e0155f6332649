"""The API's reference, as a document for programs and as a page."""

import msgspec
from quart import Blueprint, Response, current_app, render_template

from app.web.api.openapi import Document, build
from app.web.http.context import services
from app.web.http.replies import json_answer

blueprint = Blueprint("tidewire_reference", __name__)
_EXTENSION = "tidewire.openapi"


@blueprint.get("/api/openapi.json")
async def openapi() -> Response:
    """The OpenAPI 3.1 document."""
    return json_answer(msgspec.Raw(_described()[1]))


@blueprint.get("/api/docs")
async def docs() -> str:
    """The same document as an HTML page."""
    return await render_template("api_docs.html", document=_described()[0])


def _described() -> tuple[Document, bytes]:
    """The document of this application and its JSON, built at the first request, when all routes are registered."""
    if _EXTENSION not in current_app.extensions:
        document = build(current_app.url_map, current_app.view_functions, services().settings.prefix)
        current_app.extensions[_EXTENSION] = document, msgspec.json.encode(document)
    described: tuple[Document, bytes] = current_app.extensions[_EXTENSION]
    return described
