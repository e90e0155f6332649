"""Links for one use, stored as digests: add, look, use up."""

from enum import StrEnum

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.tables import LINKS

_L = LINKS.c


class Purpose(StrEnum):
    """What a link is for."""

    SETUP = "setup"


async def add(tx: AsyncConnection, digest: str, purpose: Purpose, at: int, expires_at: int) -> None:
    """Store a new link, and delete those that have expired."""
    await tx.execute(delete(LINKS).where(_L.expires_at <= at))
    values = {"digest": digest, "purpose": purpose.value, "created_at": at, "expires_at": expires_at}
    await tx.execute(insert(LINKS), [values])


async def newest(tx: AsyncConnection, purpose: Purpose) -> int | None:
    """When the newest link for this purpose was made; None where there is none."""
    query = select(_L.created_at).where(_L.purpose == purpose.value).order_by(_L.created_at.desc()).limit(1)
    return (await tx.execute(query)).scalar_one_or_none()


async def is_valid(tx: AsyncConnection, digest: str, purpose: Purpose, now: int) -> bool:
    """May it be used at `now`?"""
    query = select(_L.digest).where(_L.digest == digest, _L.purpose == purpose.value, _L.expires_at > now)
    return (await tx.execute(query)).first() is not None


async def take(tx: AsyncConnection, digest: str, purpose: Purpose, now: int) -> bool:
    """Use it up; False when it is unknown, used or expired. Of two that try, one succeeds."""
    query = delete(LINKS).where(_L.digest == digest, _L.purpose == purpose.value, _L.expires_at > now)
    return bool((await tx.execute(query)).rowcount)


async def remove(tx: AsyncConnection, purpose: Purpose) -> None:
    """Remove every link for this purpose."""
    await tx.execute(delete(LINKS).where(_L.purpose == purpose.value))
