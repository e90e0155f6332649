"""The hub's session cookie, beside that of a Flask application with the same key on the same host."""

import dataclasses

from quart import Blueprint, Quart, session
from quart.sessions import SecureCookieSessionInterface

from app import create_app
from app.config import Settings

notes = Blueprint("notes", __name__, url_prefix="/notes")


@notes.get("/sign/<name>")
async def sign(name: str) -> str:
    session["name"] = name
    return "signed"


@notes.get("/name")
async def name() -> str:
    return str(session.get("name"))


async def test_the_session_cookie_has_a_name_and_a_signature_of_the_hubs_own(settings_sqlite: Settings) -> None:
    settings = dataclasses.replace(settings_sqlite, env="production", public_url="https://localhost")
    app = create_app(settings, blueprints=[notes])
    async with app.test_app():
        answer = await app.test_client().get("/notes/sign/ana", scheme="https")
    cookie = answer.headers["Set-Cookie"]
    value = cookie.partition("=")[2].partition(";")[0]
    foreign = Quart("flask's own serializer")
    foreign.secret_key = settings.secret_key
    theirs, ours = SecureCookieSessionInterface().get_signing_serializer(foreign), app.session_interface

    assert cookie.startswith("tidewire_session=")
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))
    assert theirs is not None and theirs.loads_unsafe(value)[0] is False
    assert isinstance(ours, SecureCookieSessionInterface) and ours.salt != SecureCookieSessionInterface.salt


async def test_a_cookie_of_a_flask_application_with_the_same_key_is_no_session_here(settings_sqlite: Settings) -> None:
    foreign = Quart("flask's own serializer")
    foreign.secret_key = settings_sqlite.secret_key
    serializer = SecureCookieSessionInterface().get_signing_serializer(foreign)
    assert serializer is not None
    value = str(serializer.dumps({"name": "forged"}))
    app = create_app(settings_sqlite, blueprints=[notes])
    async with app.test_app():
        answers = [
            await (await app.test_client().get("/notes/name", headers={"Cookie": f"{name}={value}"})).get_data(
                as_text=True
            )
            for name in ("session", "tidewire_session")
        ]

    assert answers == ["None", "None"]
