"""A blueprint as a Flask developer writes one, with sync and async views, a session and error handlers."""

import asyncio
import threading
from typing import Any

import click
from quart import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    g,
    get_flashed_messages,
    jsonify,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from tests.support import ROOT


class OutOfInk(Exception):
    """Raised by a view, handled by the blueprint's error handler."""


guestbook = Blueprint(
    "guestbook",
    __name__,
    url_prefix="/guestbook",
    template_folder=str(ROOT / "tests" / "support" / "guestbook_pages"),
)


@guestbook.before_request
def begin() -> None:
    g.steps = ["before"]


@guestbook.after_request
def end(response: Response) -> Response:
    response.headers["X-Steps"] = " ".join(g.steps)
    return response


@guestbook.teardown_request
def count_requests(error: BaseException | None) -> None:
    current_app.config["ENDED"] = current_app.config.get("ENDED", 0) + 1


@guestbook.app_template_filter()
def shout(text: str) -> str:
    return text.upper() + "!"


@guestbook.errorhandler(OutOfInk)
def out_of_ink(error: OutOfInk) -> tuple[dict[str, str], int]:
    return {"sorry": str(error)}, 418


@guestbook.get("/sync")
def sync_view() -> dict[str, Any]:
    g.steps.append("view")
    return {"on_the_loop": threading.current_thread() is threading.main_thread(), "q": request.args.getlist("q")}


@guestbook.get("/async")
async def async_view() -> Response:
    await asyncio.sleep(0)
    return jsonify(on_the_loop=threading.current_thread() is threading.main_thread())


@guestbook.get("/page/<int:number>/<path:rest>")
async def page(number: int, rest: str) -> str:
    return await render_template("guestbook.html", number=number, rest=rest)


@guestbook.post("/sign")
async def sign() -> AnyResponse:
    form, files = await request.form, await request.files
    session["name"] = form["name"]
    session["sizes"] = {name: len(file.read()) for name, file in files.items()}
    await flash(f"Thank you, {form['name']}", "thanks")
    return redirect(url_for(".signed"))


@guestbook.get("/signed")
async def signed() -> dict[str, Any]:
    flashed = get_flashed_messages(with_categories=True)
    return {"name": session["name"], "sizes": session["sizes"], "flashed": flashed}


@guestbook.post("/echo")
async def echo() -> dict[str, Any]:
    given: dict[str, Any] = await request.json
    return {"given": given, "type": request.mimetype}


@guestbook.get("/ink")
def ink() -> str:
    raise OutOfInk("no ink left")


@guestbook.get("/absent")
def absent() -> str:
    abort(404)


@guestbook.get("/broken")
def broken() -> str:
    raise RuntimeError("the secret of the trace")


@guestbook.cli.command("count")
@click.option("--start", default=0)
def count(start: int) -> None:
    """Count the visitors."""
    click.echo(f"{start + 1} visitors")


other = Blueprint("other", __name__, url_prefix="/other")


@other.get("/")
async def index() -> str:
    return url_for("guestbook.page", number=7, rest="a/b", lang="en")


@other.app_errorhandler(NotFound)
async def nothing(error: NotFound) -> tuple[str, int]:
    return "nothing, in my own words", 404
