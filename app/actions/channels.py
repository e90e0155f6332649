"""Channels: list, create, change, empty, delete."""

from app.actions.find import check_configurable, configurable_in
from app.clock import now_ms
from app.live.hub import Hub
from app.model.access import Principal, Role, check_create, check_list, no_such_channel
from app.model.channel import Channel, ChannelDraft, ChannelPatch, check_slug, with_default_retention
from app.store import channels, members
from app.store.engine.database import Database
from app.telemetry.audit import Act, record


async def list_channels(
    db: Database, who: Principal, *, q: str | None, after: str, limit: int
) -> tuple[list[Channel], str | None]:
    """The channels that are listed for the caller, by slug, and the cursor of the next page if there is one.

    Raises Forbidden for a token without the scope `read`.
    """
    check_list(who)
    bound_to = who.grant.channel_id if who.grant else None
    async with db.reading() as tx:
        found = await channels.listed(
            tx, user_id=who.user_id, everything=who.is_admin, bound_to=bound_to, q=q, above=after, limit=limit + 1
        )
    return found[:limit], found[limit - 1].slug if len(found) > limit else None


async def create_channel(db: Database, who: Principal, draft: ChannelDraft) -> Channel:
    """A new channel, owned by the caller. Raises InvalidRequest for its slug, Conflict when that is taken."""
    check_create(who)
    check_slug(draft.slug)
    assert who.user_id is not None
    async with db.transaction() as tx:
        channel = await channels.add(tx, with_default_retention(draft), now_ms())
        await members.put(tx, channel.id, who.user_id, Role.OWNER)
    record(Act.CHANNEL_CREATED, who.user, channel=channel.slug, visibility=channel.visibility)
    return channel


async def provide_channel(db: Database, draft: ChannelDraft) -> Channel:
    """A new channel, for the operator: it has no owner, admins manage it. Raises as `create_channel`."""
    check_slug(draft.slug)
    async with db.transaction() as tx:
        return await channels.add(tx, with_default_retention(draft), now_ms())


async def list_all_channels(db: Database) -> list[Channel]:
    """Every channel by slug, for the operator."""
    async with db.reading() as tx:
        return await channels.listed(tx, user_id=None, everything=True, bound_to=None, q=None, above="", limit=None)


async def change_channel(db: Database, hub: Hub, who: Principal, slug: str, patch: ChannelPatch) -> Channel:
    """The channel after the change. Watches whose right it revokes end at once. Raises as `configurable_in`."""
    await check_configurable(db, who, slug)
    async with db.transaction() as tx:
        channel = await configurable_in(tx, who, slug)
        changes = patch.changes()
        changed = await channels.change(tx, channel.id, changes) if changes else channel
    assert changed is not None, "The channel is locked."
    if changes:
        record(Act.CHANNEL_CHANGED, who.user, channel=slug, fields=" ".join(sorted(changes)))
        hub.access_changed()
    return changed


async def delete_channel(db: Database, hub: Hub, who: Principal, slug: str) -> None:
    """Remove the channel and its log, and notify its watchers. Raises as `configurable_in`."""
    await check_configurable(db, who, slug)
    async with db.long_transaction() as tx:
        channel = await configurable_in(tx, who, slug)
        await channels.remove(tx, channel.id)
    record(Act.CHANNEL_DELETED, who.user, channel=slug)
    hub.access_changed()


async def empty_channel(db: Database, slug: str) -> Channel:
    """Remove every update, for the operator: the log gets a new epoch, watchers receive a `reset`. Raises NotFound."""
    async with db.long_transaction() as tx:
        channel = await channels.find(tx, slug)
        emptied = await channels.empty(tx, channel.id) if channel is not None else None
    if emptied is None:
        raise no_such_channel(slug)
    return emptied


async def renew_epochs(db: Database) -> int:
    """Give every log a new epoch, after a restore from an older backup. Returns their number."""
    async with db.long_transaction() as tx:
        return await channels.renew_epochs(tx)
