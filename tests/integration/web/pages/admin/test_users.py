"""Administrators manage the hub's users, never themselves, and nobody else does."""

import asyncio

import pytest
from sqlalchemy import text

from tests.support.browsing import Browsing, signed_in
from tests.support.hub import ServedHub
from tests.support.talker import talking

ACTS = ("disable", "enable", "promote", "demote", "end-sessions")


async def test_users_are_listed_and_found(hub: ServedHub) -> None:
    adi = await signed_in(hub, "adi", admin=True)
    await signed_in(hub, "ben")
    for n in range(110):
        await hub.user(f"user{n:03}")
    first = (await adi.open("/admin/users")).body.decode()
    rest = (await adi.open("/admin/users?cursor=user097")).body.decode()
    found = (await adi.open("/admin/users?q=EN%40exam")).body.decode()
    nobody = (await adi.open("/admin/users?q=%25")).body.decode()

    assert first.count('class="row"') == 100 and "cursor=user097" in first
    assert "administrator" in first and "1 session, seen" in first
    assert rest.count('class="row"') == 12
    assert found.count('class="row"') == 1 and "ben@example.org" in found
    assert "Nobody matches" in nobody


async def test_a_disabled_user_is_out_within_two_seconds(hub: ServedHub) -> None:
    adi, ben = await signed_in(hub, "adi", admin=True), await signed_in(hub, "ben")
    async with talking(hub.url, token=await hub.token("ben")) as talker:
        disabled = await adi.send("/admin/users", "/admin/users/ben/disable")
        assert await talker.closed(within=2) == 4401
    out = await ben.open("/account")
    enabled = await adi.send("/admin/users", "/admin/users/ben/enable")

    assert (disabled.status, out.status, enabled.status) == (303, 401, 303)
    assert (await Browsing(hub).sign_in("ben")).status == 303


async def test_an_administrator_is_made_and_unmade_and_sessions_are_ended(hub: ServedHub) -> None:
    await hub.private("secret")
    adi, cyd = await signed_in(hub, "adi", admin=True), await signed_in(hub, "cyd")
    before = await cyd.open("/secret")
    await adi.send("/admin/users", "/admin/users/cyd/promote")
    promoted = await cyd.open("/secret")
    await adi.send("/admin/users", "/admin/users/cyd/demote")
    demoted = await cyd.open("/secret")
    await adi.send("/admin/users", "/admin/users/cyd/end-sessions")
    ended = await cyd.open("/account")

    assert [each.status for each in (before, promoted, demoted, ended)] == [404, 200, 404, 401]


@pytest.mark.parametrize("act", ACTS)
async def test_nobody_else_manages_users(hub_sqlite: ServedHub, act: str) -> None:
    await hub_sqlite.user("adi", admin=True)
    ana, visitor = await signed_in(hub_sqlite), Browsing(hub_sqlite)
    answers = [
        await ana.open("/admin/users"),
        await ana.send("/account", f"/admin/users/adi/{act}"),
        await visitor.open("/admin/users"),
        await visitor.send("/signin", f"/admin/users/adi/{act}"),
    ]
    by_token = await hub_sqlite.call("GET", "/admin/users", token=await hub_sqlite.token("adi"))

    assert [each.status for each in answers] == [403, 403, 303, 303]
    assert by_token.status == 303
    async with hub_sqlite.services.db.reading() as tx:
        row = (await tx.execute(text("SELECT is_admin, disabled_at FROM users WHERE name = 'adi'"))).one()
    assert (bool(row.is_admin), row.disabled_at) == (True, None)


async def test_nobody_takes_their_own_rights_and_of_two_who_take_each_others_one_stays(hub: ServedHub) -> None:
    adi, bea = await signed_in(hub, "adi", admin=True), await signed_in(hub, "bea", admin=True)
    for act in ACTS:
        await adi.send("/admin/users", f"/admin/users/adi/{act}")
    still = await adi.open("/admin/users")
    await asyncio.gather(
        adi.send("/admin/users", "/admin/users/bea/demote"), bea.send("/admin/users", "/admin/users/adi/demote")
    )
    async with hub.services.db.reading() as tx:
        admins = (await tx.execute(text("SELECT count(*) FROM users WHERE is_admin"))).scalar_one()

    assert still.status == 200 and b"another administrator changes this" in still.body
    assert admins == 1
    assert (await adi.send("/account", "/admin/users/nobody/disable")).status in (403, 404)
