"""Members: the roles of users in channels."""

from collections.abc import Collection, Mapping

from sqlalchemy import BigInteger, and_, cast, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.access import Role
from app.model.member import Member
from app.store.rows import among, grouped
from app.store.tables import MEMBERS, USERS

_M = MEMBERS.c
_U = USERS.c


async def roles(
    tx: AsyncConnection, channel_ids: Collection[int], user_ids: Collection[int]
) -> dict[tuple[int, int], Role]:
    """The roles of these users in these channels, by (channel id, user id); users without a role are left out."""
    if not channel_ids or not user_ids:
        return {}
    query = select(_M.channel_id, _M.user_id, _M.role).where(
        _M.user_id.in_(among(tx, user_ids)), _M.channel_id.in_(among(tx, channel_ids))
    )
    return {(row.channel_id, row.user_id): Role(row.role) for row in await tx.execute(query)}


async def missing(tx: AsyncConnection, users: Mapping[int, Collection[int]]) -> set[tuple[int, int]]:
    """The users, given by channel id, that are not members of that channel, as (channel id, user id)."""
    if not users:
        return set()
    k = grouped(tx, users)
    is_member = and_(_M.channel_id == cast(k.c.label, BigInteger), _M.user_id == k.c.number, _M.role >= Role.READER)
    query = select(k.c.label, k.c.number).select_from(k.outerjoin(MEMBERS, is_member)).where(_M.role.is_(None))
    return {(int(channel_id), user_id) for channel_id, user_id in await tx.execute(query)}


async def role(tx: AsyncConnection, channel_id: int, user_id: int | None) -> Role:
    """One user's role in one channel."""
    query = select(_M.role).where(_M.channel_id == channel_id, _M.user_id == user_id)
    return Role((await tx.execute(query)).scalar_one_or_none() or Role.NONE)


async def listed(tx: AsyncConnection, channel_id: int) -> list[Member]:
    """The channel's members, owners first, by name."""
    query = (
        select(_U.name, _M.role)
        .select_from(MEMBERS.join(USERS, _U.id == _M.user_id))
        .where(_M.channel_id == channel_id, _M.role >= Role.READER)
        .order_by(_M.role.desc(), _U.name)
    )
    return [Member(row.name, Role(row.role)) for row in await tx.execute(query)]


async def count(tx: AsyncConnection, channel_id: int) -> int:
    """How many members the channel has."""
    return (await tx.execute(select(func.count()).select_from(MEMBERS).where(_M.channel_id == channel_id))).scalar_one()


async def has_other_owner(tx: AsyncConnection, channel_id: int, user_id: int) -> bool:
    """Does somebody beside this user own the channel?"""
    query = select(_M.user_id).where(_M.channel_id == channel_id, _M.role == Role.OWNER, _M.user_id != user_id)
    return (await tx.execute(query.limit(1))).first() is not None


async def put(tx: AsyncConnection, channel_id: int, user_id: int, role: Role) -> None:
    """Make the user a member with this role, whatever it was before."""
    await remove(tx, channel_id, user_id)
    await tx.execute(insert(MEMBERS), [{"channel_id": channel_id, "user_id": user_id, "role": int(role)}])


async def remove(tx: AsyncConnection, channel_id: int, user_id: int) -> bool:
    """Remove the membership; False when there was none."""
    deleted = await tx.execute(delete(MEMBERS).where(_M.channel_id == channel_id, _M.user_id == user_id))
    return bool(deleted.rowcount)
