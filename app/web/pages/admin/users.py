"""The hub's users, for administrators."""

from quart import Blueprint, flash, redirect, render_template, request, url_for
from quart.typing import ResponseReturnValue

from app.actions.administration import end_all_sessions, search_users, set_admin, set_disabled
from app.errors import Conflict
from app.web.http.context import services
from app.web.http.query import text_arg
from app.web.pages.forms import TokenForm, posted
from app.web.pages.viewer import signed_in

blueprint = Blueprint("tidewire_users", __name__, url_prefix="/admin/users")
_DONE = {
    "disable": "{} is disabled: the sessions have ended, and the tokens are not valid.",
    "enable": "{} is enabled again.",
    "promote": "{} is an administrator now.",
    "demote": "{} is no administrator any more.",
}


@blueprint.get("")
async def show() -> str:
    """A page of the users, or of those that match the search."""
    who, q = await signed_in(), text_arg("q")
    found, cursor = await search_users(services().db, who, q=q, after=text_arg("cursor", 80) or "")
    return await render_template("admin/users.html", users=found, query=q or "", next_cursor=cursor, me=who.user)


@blueprint.post("/<name>/<any(disable, enable, promote, demote):act>")
async def change(name: str, act: str) -> ResponseReturnValue:
    """Disable or enable a user, or change whether they are an administrator."""
    await posted(TokenForm)
    who, db, hub = await signed_in(), services().db, services().hub
    try:
        if act in ("disable", "enable"):
            await set_disabled(db, hub, who, name, act == "disable")
        else:
            await set_admin(db, hub, who, name, act == "promote")
        await flash(_DONE[act].format(name), "success")
    except Conflict as refusal:
        await flash(refusal.message, "error")
    return redirect(url_for("tidewire_users.show", q=request.args.get("q") or None), 303)


@blueprint.post("/<name>/end-sessions")
async def end_sessions(name: str) -> ResponseReturnValue:
    """End every session of a user."""
    await posted(TokenForm)
    try:
        ended = await end_all_sessions(services().db, services().hub, await signed_in(), name)
        await flash(f"{ended} {'session' if ended == 1 else 'sessions'} of {name} ended.", "success")
    except Conflict as refusal:
        await flash(refusal.message, "error")
    return redirect(url_for("tidewire_users.show", q=request.args.get("q") or None), 303)
