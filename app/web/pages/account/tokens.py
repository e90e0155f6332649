"""One's own tokens: made, shown once, listed, revoked."""

from datetime import UTC, datetime

from quart import Blueprint, flash, redirect, render_template, url_for
from quart.typing import ResponseReturnValue
from wtforms import BooleanField, IntegerField, StringField

from app.actions.tokens import create_own_token, list_own_tokens, revoke_own_token
from app.errors import NotFound, Refusal
from app.model.access import Principal, Scope
from app.web.http.context import services
from app.web.pages.forms import TokenForm, posted, text_of
from app.web.pages.site import base_url
from app.web.pages.viewer import signed_in

blueprint = Blueprint("tidewire_tokens", __name__, url_prefix="/account/tokens")


class NewTokenForm(TokenForm):
    """What a new token is for."""

    name = StringField()
    channel = StringField()
    read = BooleanField(default=True)
    publish = BooleanField(default=True)
    days = IntegerField(default=90)


@blueprint.get("")
async def show() -> str:
    """The tokens, and the form for a new one."""
    return await _page(await signed_in(), NewTokenForm())


@blueprint.post("")
async def make() -> ResponseReturnValue:
    """The page once more, with the new token: it is shown this once."""
    _, form = await posted(NewTokenForm)
    who = await signed_in()
    try:
        name, slug = text_of(form, "name", 80), text_of(form, "channel", 63) or None
        scopes = frozenset(scope for scope in Scope if form[scope.value].data)
        token = await create_own_token(services().db, who, slug, name, scopes, days=form.days.data or 0)
    except Refusal as refusal:
        form.refuse(refusal)
        return await _page(who, form), refusal.status
    return await _page(who, NewTokenForm(), token=token, slug=slug), 201


@blueprint.post("/<int(max=9223372036854775807):token_id>/revoke")
async def revoke(token_id: int) -> ResponseReturnValue:
    """Revoke one: what is connected by it is closed."""
    await posted(TokenForm)
    try:
        await revoke_own_token(services().db, services().hub, await signed_in(), token_id)
        await flash("The token is revoked.", "success")
    except NotFound as refusal:
        await flash(refusal.message, "warning")
    return redirect(url_for("tidewire_tokens.show"), 303)


async def _page(who: Principal, form: NewTokenForm, *, token: str | None = None, slug: str | None = None) -> str:
    return await render_template(
        "account/tokens.html",
        tokens=await list_own_tokens(services().db, who),
        form=form,
        token=token,
        slug=slug,
        now=datetime.now(UTC),
        base_url=base_url(),
    )
