"""Joining a channel by an invitation: the link shows what it opens, and a form joins."""

from quart import Blueprint, flash, redirect, render_template, session, url_for
from quart.typing import ResponseReturnValue
from wtforms import EmailField, PasswordField, StringField

from app.actions.invitations import join, join_as_new_user, show_invitation
from app.errors import InvalidRequest, NotFound, Refusal
from app.web.http import session_cookie
from app.web.http.context import current_call, services
from app.web.http.identity import caller
from app.web.pages.forms import TokenForm, posted, text_of
from app.web.pages.viewer import signed_in

blueprint = Blueprint("tidewire_invite", __name__, url_prefix="/invite")
_INVITE = "invite"  # In Quart's own session: the secret of the link, moved out of the URL.
_MOST_SECRET = 200


class NewUserForm(TokenForm):
    """A new user who joins."""

    name = StringField()
    email = EmailField()
    password = PasswordField()


@blueprint.get("/<secret>")
async def open_link(secret: str) -> ResponseReturnValue:
    """Move the secret of the link from the URL into a cookie. It joins nobody: programs open links too."""
    await caller()
    await show_invitation(services().db, secret[:_MOST_SECRET])
    session[_INVITE] = secret[:_MOST_SECRET]
    return redirect(url_for("tidewire_invite.show"), 303)


@blueprint.get("")
async def show() -> str:
    """What the invitation opens, and the forms to join by it."""
    await caller()
    return await _page(NewUserForm())


@blueprint.post("")
async def accept() -> ResponseReturnValue:
    """Who is signed in joins."""
    await posted(TokenForm)
    slug = await join(services().db, services().hub, await signed_in(), _secret())
    session.pop(_INVITE)
    return redirect(url_for("tidewire_channel.show", slug=slug), 303)


@blueprint.post("/new")
async def accept_as_new_user() -> ResponseReturnValue:
    """A new user joins, and is signed in."""
    _, form = await posted(NewUserForm)
    call, secret = current_call(), _secret()
    _check_open()
    try:
        name, email, password = text_of(form, "name", 40), text_of(form, "email", 300), form.password.data or ""
        agent = call.header("User-Agent") or ""
        slug, started = await join_as_new_user(
            services().db, services().hub, secret, name, email, password, call.address, agent
        )
    except NotFound:
        raise
    except Refusal as refusal:
        form.refuse(refusal)
        return await _page(form), refusal.status
    session.pop(_INVITE)
    session_cookie.start(started, remembered=False)
    await flash(f"Welcome, {name}.", "success")
    return redirect(url_for("tidewire_channel.show", slug=slug), 303)


def _check_open() -> None:
    if services().settings.sign_up == "closed":
        raise NotFound("This hub creates no users by invitation: ask whoever runs it.")


def _secret() -> str:
    secret = session.get(_INVITE)
    if not isinstance(secret, str):
        raise InvalidRequest("Open the link of the invitation itself.")
    return secret


async def _page(form: NewUserForm) -> str:
    invited = await show_invitation(services().db, _secret())
    is_open = services().settings.sign_up != "closed"
    return await render_template("invite.html", invited=invited, form=form, is_open=is_open)
