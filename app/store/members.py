"""What users are to channels."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.access import Role
from app.model.channel import Channel
from app.store.rows import chunks
from app.store.tables import MEMBERS

_M = MEMBERS.c


def roles(tx: Connection, channels: Iterable[Channel], user_ids: Collection[int]) -> dict[tuple[int, int | None], Role]:
    """The roles of these users in these channels, by (channel id, user id); those without one are left out."""
    found: dict[tuple[int, int | None], Role] = {}
    for channel_ids in chunks(channel.id for channel in channels):
        for users in chunks(user_ids):
            query = select(_M.channel_id, _M.user_id, _M.role).where(
                _M.channel_id.in_(channel_ids), _M.user_id.in_(users)
            )
            found |= {(row.channel_id, row.user_id): Role(row.role) for row in tx.execute(query)}
    return found


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
