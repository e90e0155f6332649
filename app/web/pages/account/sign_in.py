"""Signing in and out, and the first administrator."""

from quart import Blueprint, flash, redirect, render_template, request, session, url_for
from quart.typing import ResponseReturnValue
from wtforms import BooleanField, EmailField, PasswordField, StringField

from app.actions.first_start import check_setup, set_up
from app.actions.sessions import end_presented, sign_in
from app.errors import InvalidRequest, NotFound, Refusal, Unauthenticated
from app.model.access import CredentialKind
from app.web.http import session_cookie
from app.web.http.context import current_call, services
from app.web.http.identity import caller
from app.web.pages.forms import TokenForm, posted, text_of
from app.web.pages.viewer import own_path

blueprint = Blueprint("tidewire_sign_in", __name__)
_SETUP = "setup"  # In Quart's own session: the secret of the setup link, moved out of the URL.
_MOST_SECRET = 200


class SignInForm(TokenForm):
    """Name or address, and password."""

    name = StringField()
    password = PasswordField()
    remembered = BooleanField()


class SetupForm(TokenForm):
    """The first administrator."""

    name = StringField()
    email = EmailField()
    password = PasswordField()


@blueprint.get("/signin")
async def show() -> ResponseReturnValue:
    """The form to sign in; who is signed in already is sent on."""
    try:
        who = await caller()
    except Unauthenticated:  # By the cookie of a session that has ended: once more without it.
        session_cookie.drop()
        return redirect(url_for("tidewire_sign_in.show", next=request.args.get("next")), 303)
    if who.credential is not None and who.credential.kind is CredentialKind.SESSION:
        return redirect(own_path(request.args.get("next")), 303)
    return await _sign_in_page(SignInForm())


@blueprint.post("/signin")
async def enter() -> ResponseReturnValue:
    """Sign in: a new session, and the end of the one before."""
    who, form = await posted(SignInForm)
    call, password = current_call(), form.password.data or ""
    try:
        if len(password) > 1000:
            raise Unauthenticated("This name or this password is wrong.")
        name, agent = text_of(form, "name", 300), call.header("User-Agent") or ""
        secret = await sign_in(services().db, name, password, call.address, agent, remembered=form.remembered.data)
    except Refusal as refusal:
        form.refuse(refusal)
        return await _sign_in_page(form), refusal.status
    await end_presented(services().db, services().hub, who)
    session_cookie.start(secret, remembered=form.remembered.data)
    return redirect(own_path(request.args.get("next")), 303)


@blueprint.post("/signout")
async def leave() -> ResponseReturnValue:
    """Sign out: the session ends, with all that is connected by it."""
    who, _ = await posted(TokenForm)
    await end_presented(services().db, services().hub, who)
    session.clear()
    session_cookie.drop()
    await flash("You are signed out.", "success")
    answer = redirect(url_for("tidewire_site.index"), 303)
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


@blueprint.get("/setup/<secret>")
async def open_setup(secret: str) -> ResponseReturnValue:
    """Move the secret of the setup link from the URL into a cookie."""
    await caller()
    await check_setup(services().db, secret[:_MOST_SECRET])
    session[_SETUP] = secret
    return redirect(url_for("tidewire_sign_in.show_setup"), 303)


@blueprint.get("/setup")
async def show_setup() -> str:
    """The form for the first administrator, for whoever has the link."""
    await caller()
    await check_setup(services().db, _setup_secret())
    return await render_template("account/setup.html", form=SetupForm())


@blueprint.post("/setup")
async def finish_setup() -> ResponseReturnValue:
    """Create the first administrator, and sign them in."""
    _, form = await posted(SetupForm)
    call, secret = current_call(), _setup_secret()
    try:
        name, email = text_of(form, "name", 40), text_of(form, "email", 300)
        started = await set_up(
            services().db, secret, name, email, form.password.data or "", call.address, call.header("User-Agent") or ""
        )
    except NotFound:
        raise
    except Refusal as refusal:
        form.refuse(refusal)
        return await render_template("account/setup.html", form=form), refusal.status
    session.pop(_SETUP)
    session_cookie.start(started, remembered=False)
    await flash(f"Welcome, {name}. You are the administrator of this hub.", "success")
    return redirect(url_for("tidewire_site.index"), 303)


def _setup_secret() -> str:
    secret = session.get(_SETUP)
    if not isinstance(secret, str):
        raise InvalidRequest("Open the setup link itself: the hub prints it when it starts and has no user yet.")
    return secret[:_MOST_SECRET]


async def _sign_in_page(form: SignInForm) -> str:
    return await render_template("account/sign_in.html", form=form, next=request.args.get("next"))
