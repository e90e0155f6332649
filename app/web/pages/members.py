"""The page of a channel's members: who they are, and for its owners roles and invitations."""

from quart import Blueprint, flash, redirect, render_template, url_for
from quart.typing import ResponseReturnValue
from wtforms import IntegerField, StringField

from app.actions.invitations import invite, list_invitations, take_back
from app.actions.members import leave, list_members, remove_member, set_role
from app.errors import Conflict, InvalidRequest, NotFound, Refusal
from app.model.access import Principal, Role
from app.web.http.context import services
from app.web.pages.forms import TokenForm, posted, text_of
from app.web.pages.site import base_url
from app.web.pages.viewer import signed_in

blueprint = Blueprint("tidewire_members", __name__)
_ROLES = {role.name.lower(): role for role in Role if role is not Role.NONE}


class MemberForm(TokenForm):
    """A user's name, and their role in the channel."""

    name = StringField()
    role = StringField(default="reader")


class InvitationForm(TokenForm):
    """What an invitation makes of who takes it, for how long and how often."""

    invited_role = StringField(default="reader")
    days = IntegerField(default=7)
    uses = IntegerField(default=1)


@blueprint.get("/<slug>/members")
async def show(slug: str) -> str:
    """The members, and for owners the forms."""
    return await _page(await signed_in(), slug)


@blueprint.post("/<slug>/members")
async def change(slug: str) -> ResponseReturnValue:
    """Add a member, or change a member's role."""
    _, form = await posted(MemberForm)
    who = await signed_in()
    try:
        name = text_of(form, "name", 80)
        await set_role(services().db, services().hub, who, slug, name, role_of(form.role.data, "role"))
    except (InvalidRequest, NotFound, Conflict) as refusal:
        return await _refused(who, slug, refusal, member=form)
    await flash(f"{name} is {form.role.data} of this channel now.", "success")
    return _back(slug)


@blueprint.post("/<slug>/members/<name>/remove")
async def remove(slug: str, name: str) -> ResponseReturnValue:
    """Take a membership back."""
    await posted(TokenForm)
    who = await signed_in()
    try:
        await remove_member(services().db, services().hub, who, slug, name)
    except Conflict as refusal:
        return await _refused(who, slug, refusal)
    await flash(f"{name} is no member of this channel any more.", "success")
    return _back(slug)


@blueprint.post("/<slug>/leave")
async def leave_channel(slug: str) -> ResponseReturnValue:
    """End one's own membership."""
    await posted(TokenForm)
    who = await signed_in()
    try:
        await leave(services().db, services().hub, who, slug)
    except Conflict as refusal:
        return await _refused(who, slug, refusal)
    await flash(f"You are no member of {slug} any more.", "success")
    return redirect(url_for("tidewire_site.index"), 303)


@blueprint.post("/<slug>/invitations")
async def make_invitation(slug: str) -> ResponseReturnValue:
    """The page once more, with a new invitation's link: it is shown this once."""
    _, form = await posted(InvitationForm)
    who = await signed_in()
    try:
        days, uses = form.days.data or 0, form.uses.data or 0
        role = role_of(form.invited_role.data, "invited_role")
        secret = await invite(services().db, who, slug, role, days=days, uses=uses)
    except (InvalidRequest, Conflict) as refusal:
        return await _refused(who, slug, refusal, invitation=form)
    return await _page(who, slug, link=f"{base_url()}/invite/{secret}"), 201


@blueprint.post("/<slug>/invitations/<int(max=9223372036854775807):invitation_id>/end")
async def end_invitation(slug: str, invitation_id: int) -> ResponseReturnValue:
    """Take an invitation back."""
    await posted(TokenForm)
    try:
        await take_back(services().db, await signed_in(), slug, invitation_id)
        await flash("The invitation is taken back.", "success")
    except Conflict as refusal:
        await flash(refusal.message, "warning")
    return _back(slug)


@blueprint.get("/<slug>/invitations")
async def forget_link(slug: str) -> ResponseReturnValue:
    """The link is not shown again: to the page of the members."""
    return _back(slug)


def role_of(word: str | None, field: str) -> Role:
    """The role of that name. Raises InvalidRequest for another word."""
    found = _ROLES.get(word or "")
    if found is None:
        raise InvalidRequest(f"One of {', '.join(_ROLES)}.", field=field)
    return found


def _back(slug: str) -> ResponseReturnValue:
    return redirect(url_for("tidewire_members.show", slug=slug), 303)


async def _refused(
    who: Principal,
    slug: str,
    refusal: Refusal,
    *,
    member: MemberForm | None = None,
    invitation: InvitationForm | None = None,
) -> ResponseReturnValue:
    shown = member or invitation or (member := MemberForm())
    shown.refuse(refusal)
    return await _page(who, slug, member=member, invitation=invitation), refusal.status


async def _page(
    who: Principal,
    slug: str,
    *,
    member: MemberForm | None = None,
    invitation: InvitationForm | None = None,
    link: str | None = None,
) -> str:
    db = services().db
    members = await list_members(db, who, slug)
    try:
        invitations, is_manager = await list_invitations(db, who, slug), True
    except Refusal:
        invitations, is_manager = [], False
    return await render_template(
        "members.html",
        slug=slug,
        members=members,
        me=who.user,
        is_member=any(each.name == who.user for each in members),
        is_manager=is_manager,
        invitations=invitations,
        roles=list(_ROLES),
        member=member or MemberForm(),
        invitation=invitation or InvitationForm(),
        link=link,
    )
