"""A real Flask application, to be mounted beside a hub: forms, uploads, a session, streams and errors."""

import time
from collections.abc import Iterator
from threading import Event
from typing import Any

from flask import Flask, Response, abort, redirect, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from tests.support import ROOT

left = Event()  # Set when the endless stream has ended.

app = Flask(__name__, static_folder=str(ROOT / "tests" / "support" / "guestbook_pages"), static_url_path="/static")
app.secret_key = "the shop's own, for tests"


@app.get("/")
def index() -> dict[str, Any]:
    return {
        "script": request.script_root,
        "path": request.path,
        "here": url_for("index"),
        "static": url_for("static", filename="guestbook.html"),
        "outside": url_for("index", _external=True),
        "query": request.args.to_dict(flat=False),
        "address": request.remote_addr,
        "headers": {name: request.headers.get(name) for name in ("Proxy", "X-Real")},
    }


@app.post("/cart")
def cart() -> AnyResponse:
    session["cart"] = [*session.get("cart", []), request.form["item"]]
    return redirect(url_for("show_cart"))


@app.get("/cart")
def show_cart() -> dict[str, Any]:
    return {"cart": session.get("cart", []), "cookie": request.cookies.get("other")}


@app.post("/picture")
def picture() -> dict[str, Any]:
    file = request.files["picture"]
    data = file.read()
    return {"name": file.filename, "size": len(data), "sum": sum(data), "title": request.form.get("title")}


@app.post("/raw")
def raw() -> dict[str, Any]:
    return {"size": len(request.get_data()), "length": request.content_length}


@app.get("/items/<int:number>/<path:name>")
def item(number: int, name: str) -> dict[str, Any]:
    return {"number": number, "name": name}


@app.get("/stream")
def stream() -> Response:
    return Response((f"{n}\n" for n in range(3)), mimetype="text/plain")


@app.get("/endless")
def endless() -> Response:
    def ticks() -> Iterator[str]:
        try:
            while True:
                yield "tick\n"
                time.sleep(0.02)
        finally:
            left.set()

    return Response(ticks(), mimetype="text/plain")


@app.get("/half")
def half() -> Response:
    def pieces() -> Iterator[str]:
        yield "the first half"
        raise RuntimeError("the secret of the trace")

    return Response(pieces(), mimetype="text/plain")


@app.get("/empty")
def empty() -> tuple[str, int]:
    return "", 204


@app.get("/gone")
def gone() -> str:
    abort(410)


@app.get("/broken")
def broken() -> str:
    raise RuntimeError("the secret of the trace")


def bare(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """A plain WSGI application that does not catch its error."""
    raise RuntimeError("the secret of the trace")
