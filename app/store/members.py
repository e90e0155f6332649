"""What users are to channels."""

from collections.abc import Collection

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.access import Role
from app.model.channel import Visibility
from app.store.marks import Marks
from app.store.marks import marks as marks_of
from app.store.rows import among
from app.store.tables import CHANNELS, MEMBERS

_M = MEMBERS.c


async def roles(
    tx: AsyncConnection, channel_ids: Collection[int], user_ids: Collection[int]
) -> dict[tuple[int, int], Role]:
    """The roles of these users in these channels, by (channel id, user id); those without one are left out."""
    query = select(_M.channel_id, _M.user_id, _M.role).where(
        _M.user_id.in_(among(tx, user_ids)), _M.channel_id.in_(among(tx, channel_ids))
    )
    return {(row.channel_id, row.user_id): Role(row.role) for row in await tx.execute(query)}


async def marks(tx: AsyncConnection, channel_ids: Collection[int], user_ids: Collection[int]) -> Marks:
    """The same of those of the channels that are private, as marks by the channel."""
    query = (
        select(_M.channel_id, _M.user_id, _M.role)
        .join(CHANNELS, CHANNELS.c.id == _M.channel_id)
        .where(
            CHANNELS.c.visibility == Visibility.PRIVATE.value,
            _M.user_id.in_(among(tx, user_ids)),
            _M.channel_id.in_(among(tx, channel_ids)),
        )
    )
    return await marks_of(tx, query, _M.channel_id, _M.user_id)


async def role(tx: AsyncConnection, channel_id: int, user_id: int | None) -> Role:
    """One user's role in one channel."""
    query = select(_M.role).where(_M.channel_id == channel_id, _M.user_id == user_id)
    return Role((await tx.execute(query)).scalar_one_or_none() or Role.NONE)


async def put(tx: AsyncConnection, channel_id: int, user_id: int, role: Role) -> None:
    """Make the user a member with this role, whatever it was before."""
    await remove(tx, channel_id, user_id)
    await tx.execute(insert(MEMBERS), [{"channel_id": channel_id, "user_id": user_id, "role": int(role)}])


async def remove(tx: AsyncConnection, channel_id: int, user_id: int) -> bool:
    """Take the membership away; False when there was none."""
    gone = await tx.execute(delete(MEMBERS).where(_M.channel_id == channel_id, _M.user_id == user_id))
    return bool(gone.rowcount)
