"""Invitations to channels, stored as digests: add, list, find, use, remove."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.access import Role
from app.model.member import Invitation, Invited
from app.store.rows import CHANNEL_COLUMNS, to_time
from app.store.tables import CHANNELS, INVITATIONS, USERS

_I = INVITATIONS.c
_U = USERS.c
_OF_USERS = INVITATIONS.join(USERS, _U.id == _I.user_id)


async def add(
    tx: AsyncConnection, digest: str, channel_id: int, user_id: int, role: Role, most_uses: int, at: int, until: int
) -> None:
    """Store a new invitation, and delete those that have expired."""
    await tx.execute(delete(INVITATIONS).where(_I.expires_at <= at))
    values = {
        "digest": digest,
        "channel_id": channel_id,
        "user_id": user_id,
        "role": int(role),
        "uses": 0,
        "most_uses": most_uses,
        "created_at": at,
        "expires_at": until,
    }
    await tx.execute(insert(INVITATIONS), [values])


async def count(tx: AsyncConnection, channel_id: int, now: int) -> int:
    """How many invitations to the channel may still be used."""
    valid = (_I.channel_id == channel_id, _I.expires_at > now, _I.uses < _I.most_uses)
    return (await tx.execute(select(func.count()).select_from(INVITATIONS).where(*valid))).scalar_one()


async def listed(tx: AsyncConnection, channel_id: int, now: int) -> list[Invitation]:
    """The invitations to the channel that may still be used, newest first."""
    query = (
        select(_I.id, _I.role, _U.name, _I.uses, _I.most_uses, _I.expires_at)
        .select_from(_OF_USERS)
        .where(_I.channel_id == channel_id, _I.expires_at > now, _I.uses < _I.most_uses)
        .order_by(_I.id.desc())
    )
    return [_to_invitation(row) for row in await tx.execute(query)]


async def find(tx: AsyncConnection, digest: str, now: int) -> Invited | None:
    """What the invitation with this digest opens; None where it is unknown, used up or expired, or its maker is
    disabled."""
    query = (
        select(
            _I.id,
            _I.channel_id,
            CHANNEL_COLUMNS.slug,
            CHANNEL_COLUMNS.title,
            _I.role,
            _I.user_id,
            _U.name,
            _U.is_admin,
        )
        .select_from(_OF_USERS.join(CHANNELS, CHANNEL_COLUMNS.id == _I.channel_id))
        .where(_I.digest == digest, _I.expires_at > now, _I.uses < _I.most_uses, _U.disabled_at.is_(None))
    )
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else Invited(row[0], row[1], row[2], row[3], Role(row[4]), *_maker(row[5:]))


async def use(tx: AsyncConnection, invitation_id: int, now: int) -> bool:
    """Count one use; False where it is used up, removed or expired. Of two that try for the last one, one succeeds."""
    query = (
        update(INVITATIONS)
        .where(_I.id == invitation_id, _I.expires_at > now, _I.uses < _I.most_uses)
        .values(uses=_I.uses + 1)
    )
    return bool((await tx.execute(query)).rowcount)


async def remove(tx: AsyncConnection, channel_id: int, invitation_id: int) -> bool:
    """Remove an invitation to the channel; False when there was none."""
    query = delete(INVITATIONS).where(_I.channel_id == channel_id, _I.id == invitation_id)
    return bool((await tx.execute(query)).rowcount)


def _to_invitation(row: Row[*tuple[Any, ...]]) -> Invitation:
    expires = to_time(row.expires_at)
    assert expires is not None
    return Invitation(row.id, Role(row.role), row.name, row.uses, row.most_uses, expires)


def _maker(row: Sequence[Any]) -> tuple[int, str, bool]:
    return row[0], row[1], row[2]
