"""The page that creates a channel."""

from quart import Blueprint, redirect, render_template, url_for
from quart.typing import ResponseReturnValue
from wtforms import StringField, TextAreaField

from app.actions.channels import create_channel
from app.errors import Refusal
from app.model.channel import ChannelDraft, Publishing, Visibility
from app.model.parsing import shaped
from app.web.http.context import services
from app.web.pages.forms import TokenForm, posted, text_of
from app.web.pages.site import base_url
from app.web.pages.viewer import signed_in

blueprint = Blueprint("tidewire_new_channel", __name__)


class ChannelForm(TokenForm):
    """The properties of a new channel."""

    slug = StringField()
    title = StringField()
    description = TextAreaField()
    visibility = StringField(default=Visibility.PRIVATE.value)
    publishing = StringField(default=Publishing.PUBLISHERS.value)


@blueprint.get("/new")
async def show() -> str:
    """The empty form."""
    await signed_in()
    return await _page(ChannelForm())


@blueprint.post("/new")
async def create() -> ResponseReturnValue:
    """Create the channel; whoever does so owns it."""
    _, form = await posted(ChannelForm)
    who = await signed_in()
    try:
        texts = {name: text_of(form, name, 2000) for name in ("slug", "title", "description")}
        chosen = {"visibility": form.visibility.data, "publishing": form.publishing.data}
        draft = shaped({name: value for name, value in {**texts, **chosen}.items() if value}, ChannelDraft)
        channel = await create_channel(services().db, who, draft)
    except Refusal as refusal:
        form.refuse(refusal)
        return await _page(form), refusal.status
    return redirect(url_for("tidewire_channel.show", slug=channel.slug), 303)


async def _page(form: ChannelForm) -> str:
    return await render_template("new_channel.html", form=form, base_url=base_url())
