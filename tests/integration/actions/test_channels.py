"""Changing a channel: the right is checked in the same transaction as the change."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.actions.channels import change_channel, delete_channel
from app.errors import Forbidden, NotFound
from app.model.access import Principal, Role
from app.model.channel import ChannelPatch, Visibility
from app.store import channels, members
from tests.support.hub import ServedHub

type Change = Callable[[ServedHub, Principal], Awaitable[object]]


def change(hub: ServedHub, principal: Principal) -> Awaitable[object]:
    patch = ChannelPatch(visibility=Visibility.PUBLIC)
    return change_channel(hub.services.db, hub.services.hub, principal, "ci", patch)


def delete(hub: ServedHub, principal: Principal) -> Awaitable[object]:
    return delete_channel(hub.services.db, hub.services.hub, principal, "ci")


@pytest.mark.parametrize("act", [change, delete])
@pytest.mark.parametrize(
    ("visibility", "refusal"), [("private", NotFound), ("unlisted", Forbidden)], ids=["hidden", "seen"]
)
async def test_an_owner_that_loses_the_role_meanwhile_changes_nothing(
    hub: ServedHub, act: Change, visibility: str, refusal: type[Exception]
) -> None:
    """The transaction that removes the role is open when the owner's call begins, and holds the channel's lock."""
    channel = await hub.channel("ci", visibility=visibility, owner="ana")
    ana = await hub.user("ana")
    owner = Principal(ana.id, "ana")
    async with hub.services.db.transaction() as tx:
        assert await channels.lock(tx, "ci") is not None
        await members.put(tx, channel.id, ana.id, Role.NONE)
        acting = asyncio.ensure_future(act(hub, owner))
        done, _ = await asyncio.wait([acting], timeout=0.5)

    assert not done, "it waits for the lock"
    with pytest.raises(refusal):
        await acting
    async with hub.services.db.reading() as tx:
        left = await channels.find(tx, "ci")
    assert left is not None and left.visibility == visibility


@pytest.mark.parametrize("act", [change, delete])
async def test_a_channel_that_is_deleted_meanwhile_is_not_found(hub: ServedHub, act: Change) -> None:
    channel = await hub.channel("ci", owner="ana")
    owner = Principal((await hub.user("ana")).id, "ana")
    async with hub.services.db.transaction() as tx:
        await channels.remove(tx, channel.id)
        acting = asyncio.ensure_future(act(hub, owner))
        await asyncio.wait([acting], timeout=0.5)

    with pytest.raises(NotFound):
        await acting
