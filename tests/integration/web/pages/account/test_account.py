"""One's own account: sessions are listed and ended, the password changes, and nobody else's are touched."""

import asyncio

import aiohttp
import pytest
from sqlalchemy import text

from tests.support.browsing import PASSWORD, Browsing, signed_in
from tests.support.hub import ServedHub

NEW = "a quite different phrase"


async def session_ids(hub: ServedHub, name: str) -> list[int]:
    query = "SELECT sessions.id FROM sessions JOIN users ON users.id = user_id WHERE name = :name ORDER BY sessions.id"
    async with hub.services.db.reading() as tx:
        return list((await tx.execute(text(query), {"name": name})).scalars())


async def test_a_session_that_is_ended_elsewhere_closes_its_websocket_within_two_seconds(hub: ServedHub) -> None:
    await hub.private("secret")
    one = await signed_in(hub)
    other = Browsing(hub)
    await other.sign_in()
    async with hub.http.ws_connect(f"{hub.url}/api/v1/ws", headers=one.headers) as socket:
        welcome = await socket.receive_json(timeout=5)
        await socket.send_json({"type": "subscribe", "channel": "secret"})
        subscribed = await socket.receive_json(timeout=5)
        ended = await other.send("/account", f"/account/sessions/{(await session_ids(hub, 'ana'))[0]}/end")
        async with asyncio.timeout(2):
            while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass

    assert (welcome["user"], subscribed["type"], ended.status) == ("ana", "subscribed", 303)
    assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED) and socket.close_code == 4401
    assert (await one.open("/account")).status == 401
    assert (await other.open("/account")).status == 200


async def test_the_page_lists_ones_own_sessions_with_their_browsers(hub_sqlite: ServedHub) -> None:
    browsing = await signed_in(hub_sqlite)
    await signed_in(hub_sqlite, "ben")
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
    other = Browsing(hub_sqlite)
    await other.send("/signin", "/signin", {"name": "ana", "password": PASSWORD}, **{"User-Agent": agent})
    page = (await browsing.open("/account")).body.decode()

    assert page.count('class="row"') == 2
    assert "Chrome on Linux" in page and "this one" in page and "127.0.0.1" in page


async def test_another_users_session_can_not_be_ended(hub: ServedHub) -> None:
    ana, ben = await signed_in(hub), await signed_in(hub, "ben")
    (of_ben,) = await session_ids(hub, "ben")
    answer = await ana.send("/account", f"/account/sessions/{of_ben}/end")

    assert answer.status == 303 and (await ben.open("/account")).status == 200
    assert b"has ended already" in (await ana.open("/account")).body


async def test_all_others_are_ended_at_once(hub: ServedHub) -> None:
    one, other, ben = await signed_in(hub), await signed_in(hub), await signed_in(hub, "ben")
    await one.send("/account", "/account/sessions/end-others")

    assert [(await each.open("/account")).status for each in (one, other, ben)] == [200, 401, 200]


@pytest.mark.parametrize("others", ["yes", ""])
async def test_a_new_password_ends_the_others_unless_told_not_to(hub: ServedHub, others: str) -> None:
    one, other = await signed_in(hub), await signed_in(hub)
    form = {"old": PASSWORD, "new": NEW, **({"others": others} if others else {})}
    changed = await one.send("/account", "/account/password", form)

    assert changed.status == 303 and (await one.open("/account")).status == 200
    assert (await other.open("/account")).status == (401 if others else 200)
    assert [(await Browsing(hub).sign_in(password=each)).status for each in (PASSWORD, NEW)] == [401, 303]


async def test_the_old_password_is_needed_and_can_not_be_guessed(hub_sqlite: ServedHub) -> None:
    browsing = await signed_in(hub_sqlite)
    answers = [
        await browsing.send("/account", "/account/password", {"old": f"guess {n}", "new": NEW}) for n in range(6)
    ]
    weak = await signed_in(hub_sqlite, "ben")
    short = await weak.send("/account", "/account/password", {"old": PASSWORD, "new": "short"})

    assert [each.status for each in answers] == [400] * 5 + [429]
    assert b'id="old-error">This is not your password.' in answers[0].body
    assert short.status == 400 and b'id="new-error">A password has 12' in short.body


@pytest.mark.parametrize(
    "path", ["/account/password", "/account/sessions/1/end", "/account/sessions/end-others", "/signout", "/new"]
)
async def test_a_form_of_another_site_changes_nothing(hub_sqlite: ServedHub, path: str) -> None:
    browsing = await signed_in(hub_sqlite)
    token = (await browsing.open("/account")).body.split(b'csrf_token" value="')[1][:64].decode()
    fields = {"old": PASSWORD, "new": NEW, "slug": "made", "visibility": "public", "publishing": "everyone"}
    answers = [
        await browsing.post(path, fields),
        await browsing.post(path, {**fields, "csrf_token": "0" * 64}),
        await browsing.post(path, {**fields, "csrf_token": token}, Origin="https://evil.example"),
        await browsing.post(path, {**fields, "csrf_token": token}, **{"Sec-Fetch-Site": "cross-site"}),
    ]

    assert [each.status for each in answers] == [403] * 4
    assert all(b"<title>" in each.body for each in answers)
    assert (await browsing.open("/account")).status == 200
    assert (await Browsing(hub_sqlite).sign_in()).status == 303
    assert (await hub_sqlite.call("GET", "/api/v1/channels/made")).status == 404


async def test_a_visitor_is_sent_to_sign_in_and_changes_nothing(hub_sqlite: ServedHub) -> None:
    visitor = Browsing(hub_sqlite)
    answers = [
        await visitor.open("/account"),
        await visitor.open("/new"),
        await visitor.send("/signin", "/account/password", {"old": PASSWORD, "new": NEW}),
        await visitor.send("/signin", "/account/sessions/1/end"),
        await visitor.send("/signin", "/account/sessions/end-others"),
        await visitor.send("/signin", "/new", {"slug": "made"}),
    ]

    assert [each.status for each in answers] == [303] * 6
    assert all(each.headers["Location"].startswith("/signin?next=/") for each in answers)
