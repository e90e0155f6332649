"""The page of a channel's settings, for its owners and admins: words, who reads and publishes, what is kept."""

from quart import Blueprint, flash, redirect, render_template, url_for
from quart.typing import ResponseReturnValue
from wtforms import StringField, TextAreaField

from app.actions.channels import change_channel, delete_channel
from app.actions.find import check_configurable, readable
from app.errors import InvalidRequest
from app.model.access import Principal
from app.model.channel import ChannelPatch
from app.model.parsing import shaped
from app.web.http.context import services
from app.web.pages.forms import TokenForm, posted, text_of
from app.web.pages.viewer import signed_in

blueprint = Blueprint("tidewire_channel_settings", __name__)
_NUMBERS = ("retention_days", "retention_updates")


class SettingsForm(TokenForm):
    """What may change of a channel."""

    title = StringField()
    description = TextAreaField()
    visibility = StringField()
    publishing = StringField()
    retention_days = StringField()
    retention_updates = StringField()


class DeleteForm(TokenForm):
    """The channel's name, typed once more."""

    typed = StringField()


@blueprint.get("/<slug>/settings")
async def show(slug: str) -> str:
    """The form, with what is set now."""
    return await _page(await signed_in(), slug)


@blueprint.post("/<slug>/settings")
async def change(slug: str) -> ResponseReturnValue:
    """Change what is set. Watches that lose their right end at once."""
    _, form = await posted(SettingsForm)
    who = await signed_in()
    try:
        given: dict[str, object] = {name: text_of(form, name, 2000) or None for name in ("title", "description")}
        given |= {"visibility": form.visibility.data, "publishing": form.publishing.data}
        given |= {name: _number(form, name) for name in _NUMBERS}
        await change_channel(services().db, services().hub, who, slug, shaped(given, ChannelPatch))
    except InvalidRequest as refusal:
        form.refuse(refusal)
        return await _page(who, slug, form=form), refusal.status
    await flash("The settings are changed.", "success")
    return redirect(url_for("tidewire_channel_settings.show", slug=slug), 303)


@blueprint.post("/<slug>/delete")
async def delete(slug: str) -> ResponseReturnValue:
    """Delete the channel and its log, once its name is typed."""
    _, form = await posted(DeleteForm)
    who = await signed_in()
    if (form.typed.data or "").strip() != slug:
        form.refuse(InvalidRequest("Type the channel's name to delete it.", field="typed"))
        return await _page(who, slug, deleting=form), 400
    await delete_channel(services().db, services().hub, who, slug)
    await flash(f"The channel {slug} is deleted.", "success")
    return redirect(url_for("tidewire_site.index"), 303)


def _number(form: SettingsForm, name: str) -> int | None:
    """The whole number in a field; None where it is empty. Raises InvalidRequest for anything else."""
    text = text_of(form, name, 20)
    if text and not (text.isascii() and text.isdigit()):
        raise InvalidRequest("A whole number, or nothing to keep all.", field=name)
    return int(text) if text else None


async def _page(
    who: Principal, slug: str, *, form: SettingsForm | None = None, deleting: DeleteForm | None = None
) -> str:
    db = services().db
    await check_configurable(db, who, slug)
    channel, _ = await readable(db, who, slug)
    if form is None:
        shown = {name: getattr(channel, name) for name in ("title", "description", *_NUMBERS)}
        form = SettingsForm(data=shown)
        form.visibility.data, form.publishing.data = channel.visibility.value, channel.publishing.value
    return await render_template("channel_settings.html", channel=channel, form=form, deleting=deleting or DeleteForm())
