"""The only way from a slug to a channel that a caller may read or change."""

import asyncio
from dataclasses import dataclass

from app.model.access import (
    Principal,
    Role,
    check_configure,
    check_name,
    check_publish,
    check_read,
    no_such_channel,
)
from app.model.channel import Channel
from app.store import channels, members
from app.store.engine.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class Admission:
    """A channel that a caller may read, the caller's role in it, and when the look-up began, by the loop's clock."""

    channel: Channel
    role: Role
    began: float


async def admit(db: Database, reader: tuple[Principal, str]) -> Admission:
    """The admission of a principal to the channel with a slug. Raises as `readable`."""
    began = asyncio.get_running_loop().time()
    channel, role = await readable(db, *reader)
    return Admission(channel, role, began)


async def readable(db: Database, who: Principal, slug: str) -> tuple[Channel, Role]:
    """The channel and the caller's role. Raises NotFound when the caller may not see one, or Forbidden."""
    async with db.reading() as tx:
        return await readable_in(tx, who, slug)


async def readable_in(tx: Transaction, who: Principal, slug: str) -> tuple[Channel, Role]:
    """As `readable`, inside a transaction that reads more of the same snapshot afterwards."""
    channel, role = await _found(tx, who, slug)
    check_read(who, channel, role)
    return channel, role


async def check_configurable(db: Database, who: Principal, slug: str) -> None:
    """Refuse a caller that may not change the channel before a write transaction begins: SQLite has one writer."""
    async with db.reading() as tx:
        channel, role = await _found(tx, who, slug)
    check_configure(who, channel, role)


async def check_publishable(db: Database, who: Principal, slug: str) -> None:
    """Refuse a caller that may not publish to the channel, before a large body is received for it."""
    check_name(slug)
    async with db.reading() as tx:
        channel, role = await _found(tx, who, slug)
    check_publish(who, channel, role)


async def configurable_in(tx: Transaction, who: Principal, slug: str) -> Channel:
    """The channel, for a caller that may change it, locked until the transaction ends. Raises NotFound, Unauthenticated
    or Forbidden."""
    check_name(slug)
    channel = await channels.lock(tx, slug)
    if channel is None:
        raise no_such_channel(slug)
    # A separate statement: it sees what was committed while this transaction waited for the lock.
    check_configure(who, channel, await members.role(tx, channel.id, who.user_id))
    return channel


async def _found(tx: Transaction, who: Principal, slug: str) -> tuple[Channel, Role]:
    check_name(slug)
    found = await channels.find_with_role(tx, slug, who.user_id)
    if found is None:
        raise no_such_channel(slug)
    return found
