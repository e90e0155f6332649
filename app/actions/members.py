"""Members of a channel: list, add, change, remove, leave."""

from app.actions.find import check_configurable, configurable_in, readable_in
from app.errors import Conflict, NotFound
from app.live.hub import Hub
from app.model.access import Principal, Role, check_see_members
from app.model.channel import Channel
from app.model.member import MOST_MEMBERS, Member
from app.store import channels, members, users
from app.store.engine.database import Database, Transaction
from app.telemetry.audit import Act, record

_LAST_OWNER = "A channel keeps an owner: make somebody else an owner first, or delete the channel."


async def list_members(db: Database, who: Principal, slug: str) -> list[Member]:
    """The channel's members, owners first. Raises NotFound, Forbidden or Unauthenticated."""
    async with db.reading() as tx:
        channel, role = await readable_in(tx, who, slug)
        check_see_members(who, channel, role)
        return await members.listed(tx, channel.id)


async def set_role(db: Database, hub: Hub | None, who: Principal, slug: str, name: str, role: Role) -> None:
    """Make the user of this name a member with this role, whatever it was before. What a lower role no longer permits
    ends at once. Raises as `configurable_in`; NotFound for a user, and Conflict for the last owner."""
    await check_configurable(db, who, slug)
    async with db.transaction() as tx:
        channel = await configurable_in(tx, who, slug)
        user = await users.find(tx, name)
        if user is None or user.disabled_at is not None:
            raise NotFound(f"There is no user {name[:80]!r} on this hub.", field="name")
        await put_in(tx, channel, user.id, role)
    record(Act.MEMBER_SET, who.user, channel=slug, user=name, role=role.name.lower())
    if hub is not None:  # The command line's: running hubs find it at their next poll.
        hub.access_changed()


async def remove_member(db: Database, hub: Hub | None, who: Principal, slug: str, name: str) -> None:
    """Take the membership of the user with this name back. Raises as `set_role`."""
    await check_configurable(db, who, slug)
    async with db.transaction() as tx:
        channel = await configurable_in(tx, who, slug)
        user = await users.find(tx, name)
        await _remove(tx, channel, user.id if user is not None else 0)
    record(Act.MEMBER_REMOVED, who.user, channel=slug, user=name)
    if hub is not None:
        hub.access_changed()


async def leave(db: Database, hub: Hub, who: Principal, slug: str) -> None:
    """End the caller's own membership. Raises NotFound, and Conflict for the last owner."""
    async with db.transaction() as tx:
        await channels.lock(tx, slug)  # Of two owners that leave at once, one stays.
        channel, _ = await readable_in(tx, who, slug)
        await _remove(tx, channel, who.user_id or 0)
    record(Act.MEMBER_LEFT, who.user, channel=slug)
    hub.access_changed()


async def put_in(tx: Transaction, channel: Channel, user_id: int, role: Role) -> None:
    """As `set_role`, in a transaction that has checked the right."""
    before = await members.role(tx, channel.id, user_id)
    if before is Role.OWNER and role is not Role.OWNER:
        await _check_other_owner(tx, channel, user_id)
    if before is Role.NONE and await members.count(tx, channel.id) >= MOST_MEMBERS:
        raise Conflict(f"A channel has at most {MOST_MEMBERS} members.")
    await members.put(tx, channel.id, user_id, role)


async def _remove(tx: Transaction, channel: Channel, user_id: int) -> None:
    if await members.role(tx, channel.id, user_id) is Role.OWNER:
        await _check_other_owner(tx, channel, user_id)
    if not await members.remove(tx, channel.id, user_id):
        raise NotFound(f"This user is no member of {channel.slug!r}.", field="name")


async def _check_other_owner(tx: Transaction, channel: Channel, user_id: int) -> None:
    if not await members.has_other_owner(tx, channel.id, user_id):
        raise Conflict(_LAST_OWNER)
