"""The session cookie: an answer varies by it where it decided, and nowhere else."""

import pytest
from quart import Blueprint, flash, redirect, render_template_string, request, session
from quart.typing import ResponseReturnValue

from app.config import Settings
from tests.support.hub import ServedHub, serving

UPDATES = "/api/v1/channels/lobby/updates"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", UPDATES), ("POST", UPDATES), ("GET", "/api/v1/channels/absent"), ("GET", "/static/css/base.css"),
        ("GET", "/favicon.ico"), ("GET", "/robots.txt"), ("GET", "/healthz"), ("GET", "/metrics"),
        ("POST", "/lobby?value=1"), ("DELETE", "/lobby"), ("GET", "/api/openapi.json"), ("OPTIONS", UPDATES),
        ("GET", "/api/v1/ws"),
    ],
)  # fmt: skip
async def test_what_no_cookie_decides_does_not_vary_by_it(hub_sqlite: ServedHub, method: str, path: str) -> None:
    answer = await hub_sqlite.call(method, path, headers={"Cookie": "session=x"})

    assert "Cookie" not in answer.headers.get("Vary", "")


def sessions() -> Blueprint:
    """Views that use the session in every way, or not at all."""
    blueprint = Blueprint("sessions", __name__)

    @blueprint.get("/me/<what>")
    async def use(what: str) -> ResponseReturnValue:
        match what:
            case "read":
                return str(session.get("name"))
            case "look":
                return str("name" in session)
            case "truth":
                return "some" if session else "none"
            case "all":
                return str(list(session.items()))
            case "template":
                return await render_template_string("{{ session.name }}")
            case "plain-template":
                return await render_template_string("{{ 1 + 1 }}")
            case "write":
                session["name"] = request.args["name"]
                return "written"
            case "flash":
                await flash("noted")
                return redirect("/")
            case "clear":
                session.clear()
        return "nothing"

    return blueprint


async def test_what_a_session_decides_varies_by_its_cookie(settings_sqlite: Settings) -> None:
    async with serving(settings_sqlite, blueprints=[sessions()]) as hub:
        written = await hub.call("GET", "/me/write?name=ana")
        cookie = {"Cookie": written.headers["Set-Cookie"].partition(";")[0]}
        ways = ("read", "look", "truth", "all", "template", "plain-template", "nothing", "clear")
        with_cookie = {way: await hub.call("GET", f"/me/{way}", headers=cookie) for way in ways}
        without = {way: await hub.call("GET", f"/me/{way}") for way in ways}

    vary = {way: answer.headers.get("Vary") for way, answer in with_cookie.items()}
    assert written.headers["Vary"] == "Cookie"
    assert vary == {way: "Cookie" if way not in ("plain-template", "nothing") else None for way in ways}
    assert {way: without[way].headers.get("Vary") for way in ways[:5]} == dict.fromkeys(ways[:5], "Cookie")
    assert [with_cookie[way].body for way in ways[:5]] == [b"ana", b"True", b"some", b"[('name', 'ana')]", b"ana"]
    assert [without[way].body for way in ways[:5]] == [b"None", b"False", b"none", b"[]", b""]


async def test_a_page_that_may_show_a_message_for_one_browser_varies(settings_sqlite: Settings) -> None:
    async with serving(settings_sqlite, blueprints=[sessions()]) as hub:
        flashed = await hub.call("GET", "/me/flash")
        cookie = {"Cookie": flashed.headers["Set-Cookie"].partition(";")[0]}
        shown, other = await hub.call("GET", "/", headers=cookie), await hub.call("GET", "/")

    assert b"noted" in shown.body and b"noted" not in other.body
    assert shown.headers["Vary"] == other.headers["Vary"] == "Cookie"
