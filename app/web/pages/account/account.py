"""One's own account: the password, and the sessions."""

import asyncio

from quart import Blueprint, flash, redirect, render_template, url_for
from quart.typing import ResponseReturnValue
from wtforms import BooleanField, PasswordField

from app.actions.sessions import end_other_sessions, end_session, list_sessions
from app.actions.users import change_password, show_user
from app.errors import NotFound, Refusal
from app.model.access import Principal
from app.web.http.context import services
from app.web.pages.account.devices import device_name
from app.web.pages.forms import TokenForm, posted
from app.web.pages.viewer import signed_in

blueprint = Blueprint("tidewire_account", __name__, url_prefix="/account")


class PasswordForm(TokenForm):
    """The old password, the new one, and whether all other sessions end."""

    old = PasswordField()
    new = PasswordField()
    others = BooleanField(default=True)


@blueprint.get("")
async def show() -> str:
    """The account's page."""
    return await _page(await signed_in(), PasswordForm())


@blueprint.post("/password")
async def set_password() -> ResponseReturnValue:
    """Change the password."""
    _, form = await posted(PasswordForm)
    who = await signed_in()
    try:
        old, new = form.old.data or "", form.new.data or ""
        await change_password(services().db, services().hub, who, old, new, end_others=form.others.data)
    except Refusal as refusal:
        form.refuse(refusal)
        return await _page(who, form), refusal.status
    await flash("Your password is changed.", "success")
    return redirect(url_for("tidewire_account.show"), 303)


@blueprint.post("/sessions/<int(max=9223372036854775807):session_id>/end")
async def end(session_id: int) -> ResponseReturnValue:
    """End one session: what is connected by it goes dark."""
    await posted(TokenForm)
    try:
        await end_session(services().db, services().hub, await signed_in(), session_id)
        await flash("The session is ended.", "success")
    except NotFound as refusal:
        await flash(refusal.message, "warning")
    return redirect(url_for("tidewire_account.show"), 303)


@blueprint.post("/sessions/end-others")
async def end_others() -> ResponseReturnValue:
    """End every session but this one."""
    await posted(TokenForm)
    ended = await end_other_sessions(services().db, services().hub, await signed_in())
    await flash(f"{ended} other {'session is' if ended == 1 else 'sessions are'} ended.", "success")
    return redirect(url_for("tidewire_account.show"), 303)


async def _page(who: Principal, form: PasswordForm) -> str:
    assert who.credential is not None
    user, sessions = await show_user(services().db, who), await list_sessions(services().db, who)
    # In a thread: the first look loads a list of all browsers.
    names = await asyncio.to_thread(lambda: [device_name(each.agent) for each in sessions])
    return await render_template(
        "account/account.html",
        user=user,
        form=form,
        sessions=list(zip(sessions, names, strict=True)),
        current=who.credential.id,
    )
