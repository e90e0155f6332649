"""A private channel is shared and taken back: by name, by a link, and never by who may not."""

import asyncio
import re

import pytest
from sqlalchemy import text

from app.model.access import Role
from tests.support.browsing import PASSWORD, Browsing, signed_in
from tests.support.hub import Answered, ServedHub
from tests.support.talker import talking

NEW_USER = {"name": "dan", "email": "dan@example.org", "password": PASSWORD}


async def roles(hub: ServedHub) -> dict[str, int]:
    query = "SELECT users.name, members.role FROM members JOIN users ON users.id = members.user_id"
    async with hub.services.db.reading() as tx:
        return {row.name: row.role for row in await tx.execute(text(query))}


async def invitation(owner: Browsing, **fields: str) -> str:
    """A new invitation's path."""
    form = {"invited_role": "reader", "days": "7", "uses": "1", **fields}
    made = await owner.send("/secret/members", "/secret/invitations", form)
    found = re.search(r"<code>\S+(/invite/[\w-]{43})</code>", made.body.decode())
    assert made.status == 201 and found, made
    return found[1]


async def opened(hub: ServedHub, path: str, browsing: Browsing | None = None) -> Browsing:
    """A browser that has followed the link."""
    browsing = browsing or Browsing(hub)
    answer = await browsing.open(path)
    assert (answer.status, answer.headers["Location"]) == (303, "/invite")
    return browsing


async def test_a_member_that_is_added_watches_and_one_that_is_removed_goes_dark(hub: ServedHub) -> None:
    await hub.private("secret")
    ana, cyd = await signed_in(hub), await signed_in(hub, "cyd")
    before = await cyd.open("/secret")
    added = await ana.send("/secret/members", "/secret/members", {"name": "cyd", "role": "reader"})
    after = await cyd.open("/secret")
    async with hub.http.ws_connect(f"{hub.url}/api/v1/ws", headers=cyd.headers) as socket:
        await socket.receive_json(timeout=5)
        await socket.send_json({"type": "subscribe", "channel": "secret"})
        subscribed = await socket.receive_json(timeout=5)
        await ana.send("/secret/members", "/secret/members/cyd/remove")
        async with asyncio.timeout(2):
            ended = await socket.receive_json()
            while ended["type"] != "unsubscribed":
                ended = await socket.receive_json()
        await hub.publish("secret", token=await hub.token("ana"), body="after")
        await socket.send_json({"type": "subscribe", "channel": "lobby"})
        following = await socket.receive_json(timeout=5)

    assert (before.status, added.status, after.status) == (404, 303, 200)
    assert (subscribed["type"], ended["reason"], following["type"]) == ("subscribed", "revoked", "subscribed")
    assert (await cyd.open("/secret")).status == 404


async def test_a_lower_role_publishes_no_more(hub: ServedHub) -> None:
    await hub.channel("secret", visibility="private", publishing="publishers", owner="ana")
    ana = await signed_in(hub)
    await hub.user("ben")
    await ana.send("/secret/members", "/secret/members", {"name": "ben", "role": "publisher"})
    async with talking(hub.url, token=await hub.token("ben")) as ben:
        first = await ben.ask({"type": "publish", "channel": "secret", "update": {"body": "x"}})
        await ana.send("/secret/members", "/secret/members", {"name": "ben", "role": "reader"})
        second = await ben.ask({"type": "publish", "channel": "secret", "update": {"body": "x"}})

    assert (first["type"], second["type"], second["code"]) == ("published", "error", "forbidden")


async def test_who_may_not_manage_changes_nothing(hub: ServedHub) -> None:
    await hub.private("secret")
    reader, outsider = await signed_in(hub, "ben"), await signed_in(hub, "cyd")
    before = await roles(hub)
    answers: dict[str, list[int]] = {}
    for name, browsing in (("reader", reader), ("outsider", outsider)):
        answers[name] = [
            (await browsing.open("/secret/members")).status,
            (await browsing.send("/account", "/secret/members", {"name": "cyd", "role": "owner"})).status,
            (await browsing.send("/account", "/secret/members/ana/remove")).status,
            (await browsing.send("/account", "/secret/invitations", {"invited_role": "reader"})).status,
            (await browsing.send("/account", "/secret/invitations/1/end")).status,
        ]
    page = (await reader.open("/secret/members")).body.decode()

    assert answers == {"reader": [200, 403, 403, 403, 403], "outsider": [404] * 5}
    assert await roles(hub) == before
    assert "Invite by a link" not in page and "example.org" not in page


async def test_a_channel_keeps_an_owner(hub: ServedHub) -> None:
    await hub.private("secret")
    ana, bea = await signed_in(hub), await signed_in(hub, "bea")
    answers = [
        await ana.send("/secret/members", "/secret/members", {"name": "ana", "role": "reader"}),
        await ana.send("/secret/members", "/secret/members/ana/remove"),
        await ana.send("/secret/members", "/secret/leave"),
    ]
    await ana.send("/secret/members", "/secret/members", {"name": "bea", "role": "owner"})
    both = await asyncio.gather(*(each.send("/secret/members", "/secret/leave") for each in (ana, bea)))

    assert [each.status for each in answers] == [409] * 3
    assert all("keeps an owner" in each.body.decode() for each in answers)
    assert sorted(each.status for each in both) == [303, 409]
    assert list((await roles(hub)).values()).count(Role.OWNER) == 1


@pytest.mark.parametrize(
    ("action", "fields", "field"),
    [
        ("members", {"name": "nobody", "role": "reader"}, "name"),
        ("members", {"name": "ben", "role": "king"}, "role"),
        ("members", {"name": "x" * 81, "role": "reader"}, "name"),
        ("invitations", {"invited_role": "owner"}, "role"),
        ("invitations", {"invited_role": "reader", "days": "31", "uses": "1"}, "days"),
        ("invitations", {"invited_role": "reader", "days": "x", "uses": "1"}, "days"),
        ("invitations", {"invited_role": "reader", "days": "1", "uses": "101"}, "uses"),
    ],
)
async def test_what_is_wrong_stands_in_the_form(
    hub_sqlite: ServedHub, action: str, fields: dict[str, str], field: str
) -> None:
    await hub_sqlite.private("secret")
    ana = await signed_in(hub_sqlite)
    answer = await ana.send("/secret/members", f"/secret/{action}", fields)

    assert answer.status in (400, 404)
    assert f'id="{field}-error"' in answer.body.decode() or 'role="alert"' in answer.body.decode()


async def test_a_link_shows_what_it_opens_and_joins_nobody_by_itself(hub: ServedHub) -> None:
    await hub.private("secret")
    link = await invitation(await signed_in(hub))
    guest, cyd = await opened(hub, link), await opened(hub, link, await signed_in(hub, "cyd"))
    shown, of_cyd = (await guest.open("/invite")).body.decode(), (await cyd.open("/invite")).body.decode()
    before = await roles(hub)
    joined = await cyd.send("/invite", "/invite")

    assert "ana invites you" in shown and "you will be a reader" in shown and "Sign in to join" in shown
    assert "Join as cyd" in of_cyd and "cyd" not in before
    assert (joined.status, joined.headers["Location"]) == (303, "/secret")
    assert (await roles(hub))["cyd"] == Role.READER and (await cyd.open("/secret")).status == 200


async def test_a_new_user_joins_by_the_link_and_is_signed_in(hub: ServedHub) -> None:
    await hub.private("secret")
    link = await invitation(await signed_in(hub), invited_role="publisher")
    guest = await opened(hub, link)
    weak = await guest.send("/invite", "/invite/new", {**NEW_USER, "password": "password1234"})
    joined = await guest.send("/invite", "/invite/new", NEW_USER)

    assert weak.status == 400 and 'id="password-error"' in weak.body.decode()
    assert (joined.status, joined.headers["Location"]) == (303, "/secret")
    assert (await guest.open("/secret")).status == 200 and (await roles(hub))["dan"] == Role.PUBLISHER
    assert (await Browsing(hub).open(link)).status == 404


async def test_so_many_join_and_no_more_whoever_is_first(hub: ServedHub) -> None:
    await hub.private("secret")
    link = await invitation(await signed_in(hub), uses="2")
    guests = [await opened(hub, link) for _ in range(4)]
    users = [{**NEW_USER, "name": f"dan{n}", "email": f"dan{n}@example.org"} for n in range(4)]
    answers: list[Answered] = await asyncio.gather(
        *(guest.send("/invite", "/invite/new", user) for guest, user in zip(guests, users, strict=True))
    )

    assert sorted(each.status for each in answers) == [303, 303, 404, 404]
    assert sum(name.startswith("dan") for name in await roles(hub)) == 2
    async with hub.services.db.reading() as tx:  # And who came too late is no user.
        count = (await tx.execute(text("SELECT count(*) FROM users WHERE name LIKE 'dan%'"))).scalar_one()
    assert count == 2


async def test_a_higher_role_is_not_lowered_and_no_use_is_taken(hub: ServedHub) -> None:
    await hub.private("secret")
    ana = await signed_in(hub)
    link = await invitation(ana)
    joined = await (await opened(hub, link, ana)).send("/invite", "/invite")

    assert joined.status == 303 and (await roles(hub))["ana"] == Role.OWNER
    assert (await Browsing(hub).open(link)).status == 303


async def test_an_invitation_ends_with_its_time_its_owners_will_or_its_makers_right(hub: ServedHub) -> None:
    await hub.private("secret")
    ana, bea = await signed_in(hub), await signed_in(hub, "bea")
    await ana.send("/secret/members", "/secret/members", {"name": "bea", "role": "owner"})
    links = [await invitation(ana), await invitation(ana), await invitation(bea)]
    guests = [await opened(hub, link) for link in links]
    async with hub.services.db.transaction() as tx:
        ids = list((await tx.execute(text("SELECT id FROM invitations ORDER BY id"))).scalars())
        await tx.execute(text("UPDATE invitations SET expires_at = 1 WHERE id = :id"), {"id": ids[0]})
    await ana.send("/secret/members", f"/secret/invitations/{ids[1]}/end")
    await ana.send("/secret/members", "/secret/members", {"name": "bea", "role": "publisher"})
    again = await ana.send("/secret/members", f"/secret/invitations/{ids[1]}/end")

    assert [(await guest.open("/invite")).status for guest in guests] == [404] * 3
    assert [(await Browsing(hub).open(link)).status for link in links] == [404] * 3
    assert again.status == 303 and b"has ended already" in (await ana.open("/secret/members")).body
    assert set(await roles(hub)) == {"ana", "ben", "bea"}


async def test_where_sign_up_is_closed_a_link_is_for_users_of_the_hub(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.private("secret")
    link = await invitation(await signed_in(hub_sqlite))
    object.__setattr__(hub_sqlite.services.settings, "sign_up", "closed")
    guest = await opened(hub_sqlite, link)
    page = (await guest.open("/invite")).body.decode()
    refused = await guest.send("/signin", "/invite/new", NEW_USER)

    assert "Create the account" not in page and refused.status == 404
    assert "dan" not in await roles(hub_sqlite)
