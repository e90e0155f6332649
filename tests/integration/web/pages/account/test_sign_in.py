"""Signing in: a new session for the right password, the same words for every wrong one, and a pause for who guesses."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text, update

from app.clock import now_ms
from app.config import Settings
from app.model.session import IDLE_MS, MOST_SESSIONS
from app.store.tables import SESSIONS, SIGN_IN_FAILURES
from tests.support.browsing import PASSWORD, Browsing, signed_in, with_password
from tests.support.hub import Answered, ServedHub, serving

WRONG = "This name or this password is wrong."


async def test_a_session_begins_and_ends(hub: ServedHub) -> None:
    await hub.private("secret")
    browsing = await signed_in(hub)
    page, private = await browsing.open("/account"), await browsing.open("/secret")
    left = await browsing.send("/account", "/signout")
    after = await browsing.open("/secret")

    assert page.status == private.status == 200
    assert b"ana@example.org" in page.body
    assert (page.headers["Cache-Control"], page.headers["Vary"]) == ("no-store", "Cookie")
    assert (left.status, left.headers["Clear-Site-Data"]) == (303, '"cache", "storage"')
    assert (after.status, "tidewire" in browsing.cookies) == (404, False)


async def test_the_cookie_of_an_ended_session_opens_nothing_and_is_removed(hub: ServedHub) -> None:
    """Also where a copy of it was kept: what counts is the row."""
    browsing = await signed_in(hub)
    copied = browsing.headers
    await browsing.send("/account", "/signout")
    api = await hub.call("GET", "/api/v1/channels", headers=copied)
    page = await hub.call("GET", "/", headers={**copied, "Accept": "text/html"})

    assert (api.status, api.code) == (401, "unauthenticated")
    assert page.status == 401 and "tidewire=;" in page.headers["Set-Cookie"]


async def test_who_comes_with_an_ended_session_signs_in_at_once(hub_sqlite: ServedHub) -> None:
    browsing, other = await signed_in(hub_sqlite), await signed_in(hub_sqlite)
    await other.send("/account", "/account/sessions/end-others")
    first = await browsing.open("/signin?next=/lobby")
    again = await browsing.sign_in()

    assert (first.status, first.headers["Location"]) == (303, "/signin?next=/lobby")
    assert again.status == 303 and (await browsing.open("/account")).status == 200


async def test_each_sign_in_has_a_new_secret_and_ends_the_session_before(hub_sqlite: ServedHub) -> None:
    """Session fixation (OWASP ASVS 5.0, 7.2.4)."""
    browsing = await signed_in(hub_sqlite)
    first = browsing.headers
    token = (await browsing.open("/account")).body.split(b'csrf_token" value="')[1][:64].decode()
    again = await browsing.post("/signin", {"csrf_token": token, "name": "ana", "password": PASSWORD})

    assert again.status == 303 and browsing.headers["Cookie"] != first["Cookie"]
    assert (await hub_sqlite.call("GET", "/api/v1/channels", headers=first)).status == 401
    assert (await browsing.open("/account")).status == 200


async def test_the_cookie_is_for_pages_of_this_host_alone(hub_sqlite: ServedHub) -> None:
    browsing = await signed_in(hub_sqlite)
    other = Browsing(hub_sqlite)
    await other.sign_in(remembered="yes")
    for_now, remembered = browsing.set_cookies["tidewire"], other.set_cookies["tidewire"]

    assert "HttpOnly" in for_now and "SameSite=Lax" in for_now and "Max-Age" not in for_now
    assert "Max-Age=2592000" in remembered


async def test_a_wrong_name_and_a_wrong_password_are_refused_in_the_same_words(hub: ServedHub) -> None:
    await with_password(hub)
    await hub.user("ben")  # Has no password.
    given = [("ana", "wrong"), ("ben", "wrong"), ("nobody", PASSWORD), ("a\0b", PASSWORD), ("ana", "x" * 1001)]
    answers = [await Browsing(hub).sign_in(name, password) for name, password in given]

    def without_tokens(answer: Answered) -> str:
        return answer.body.decode().split("csrf_token")[0]

    assert [each.status for each in answers] == [401, 401, 401, 400, 401]
    assert {without_tokens(each) for each in (*answers[:3], answers[4])} == {without_tokens(answers[0])}
    assert WRONG in answers[0].body.decode()
    assert all("tidewire=" not in "".join(each.headers.getall("Set-Cookie", [])) for each in answers)  # type: ignore[attr-defined]


async def test_a_disabled_user_gets_in_nowhere(hub: ServedHub) -> None:
    browsing = await signed_in(hub)
    async with hub.services.db.transaction() as tx:
        await tx.execute(text("UPDATE users SET disabled_at = 1"))
    hub.services.hub.access_changed()

    assert (await browsing.open("/account")).status == 401
    assert (await Browsing(hub).sign_in()).status == 401


async def test_who_guesses_waits_and_the_owner_does_not(hub: ServedHub) -> None:
    owner = await signed_in(hub)
    async with hub.services.db.transaction() as tx:
        await tx.execute(update(SESSIONS).values(address="192.0.2.1"))
    guesses = await asyncio.gather(*(Browsing(hub).sign_in(password=f"guess {n}") for n in range(8)))
    async with hub.services.db.transaction() as tx:
        await tx.execute(update(SIGN_IN_FAILURES).values(failures=12, last_at=now_ms()))
    locked = await Browsing(hub).sign_in()
    async with hub.services.db.transaction() as tx:  # From the address of the owner's own session.
        await tx.execute(
            update(SIGN_IN_FAILURES).where(SIGN_IN_FAILURES.c.key == "network:127.0.0.1").values(failures=0)
        )
        await tx.execute(update(SESSIONS).values(address="127.0.0.1"))
    right = await Browsing(hub).sign_in()

    assert sorted(each.status for each in guesses) == [401] * 5 + [429] * 3
    assert locked.status == 429 and b"try again in" in locked.body
    assert right.status == 303
    assert (await owner.open("/account")).status == 200


async def test_a_success_takes_nothing_from_what_others_of_the_network_have_failed(hub_sqlite: ServedHub) -> None:
    await with_password(hub_sqlite)
    for n in range(4):
        assert (await Browsing(hub_sqlite).sign_in(f"other{n}", "wrong")).status == 401
    assert (await Browsing(hub_sqlite).sign_in()).status == 303
    assert (await Browsing(hub_sqlite).sign_in("other9", "wrong")).status == 401

    assert (await Browsing(hub_sqlite).sign_in("other9", "wrong")).status == 429


@pytest.mark.parametrize(
    ("given", "leads_to"),
    [
        ("/lobby?before=7", "/lobby?before=7"),
        ("/ci", "/ci"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x=1", "/"),
        ("/" + "x" * 600, "/"),
        ("", "/"),
    ],
)
async def test_a_sign_in_leads_to_a_path_of_this_hub_alone(hub_sqlite: ServedHub, given: str, leads_to: str) -> None:
    await with_password(hub_sqlite)
    browsing = Browsing(hub_sqlite)
    token = (await browsing.open("/signin")).body.split(b'csrf_token" value="')[1][:64].decode()
    async with hub_sqlite.http.post(
        f"{hub_sqlite.url}/signin",
        params={"next": given},
        data={"csrf_token": token, "name": "ana", "password": PASSWORD},
        headers=browsing.headers,
        allow_redirects=False,
    ) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, leads_to)


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_a_page_of_another_site_signs_nobody_in(hub_sqlite: ServedHub, headers: dict[str, str]) -> None:
    """Else a visitor would work in the account of an attacker (login CSRF)."""
    await with_password(hub_sqlite)
    browsing = Browsing(hub_sqlite)
    answer = await browsing.send("/signin", "/signin", {"name": "ana", "password": PASSWORD}, **headers)

    assert answer.status == 403 and "tidewire" not in browsing.cookies


async def test_a_page_that_needs_a_sign_in_leads_there_and_back(hub_sqlite: ServedHub) -> None:
    answer = await Browsing(hub_sqlite).open("/account?x=1")

    assert (answer.status, answer.headers["Location"]) == (303, "/signin?next=/account?x%3D1")


async def test_sessions_end_by_themselves(hub: ServedHub) -> None:
    for column, value in ((SESSIONS.c.expires_at, now_ms()), (SESSIONS.c.seen_at, now_ms() - IDLE_MS)):
        browsing = await signed_in(hub)
        async with hub.services.db.transaction() as tx:
            await tx.execute(update(SESSIONS).values({column: value}))
        hub.services.hub.access_changed()

        assert (await browsing.open("/account")).status == 401


async def test_a_request_a_minute_later_is_recorded(hub: ServedHub) -> None:
    browsing = await signed_in(hub)
    earlier = now_ms() - 61_000
    async with hub.services.db.transaction() as tx:
        await tx.execute(update(SESSIONS).values(seen_at=earlier))
    hub.services.identities.forget()
    await browsing.open("/account")
    await hub.services.uses.record(hub.services.db)
    async with hub.services.db.reading() as tx:
        seen = (await tx.execute(text("SELECT seen_at FROM sessions"))).scalar_one()

    assert seen > earlier + 60_000


async def test_a_user_has_so_many_sessions_and_the_one_unseen_longest_ends(hub: ServedHub) -> None:
    browsing = await signed_in(hub)
    async with hub.services.db.transaction() as tx:
        user = (await tx.execute(text("SELECT user_id FROM sessions"))).scalar_one()
        await tx.execute(
            text(
                "INSERT INTO sessions (digest, user_id, agent, address, created_at, seen_at, expires_at)"
                " VALUES (:digest, :user, '', '', 0, :seen, :expires)"
            ),
            [
                {"digest": f"{n}", "user": user, "seen": now_ms() + 10_000 + n, "expires": now_ms() + 10**9}
                for n in range(MOST_SESSIONS - 1)
            ],
        )
    assert (await Browsing(hub).sign_in()).status == 303
    async with hub.services.db.reading() as tx:
        count = (await tx.execute(text("SELECT count(*) FROM sessions"))).scalar_one()

    assert count == MOST_SESSIONS
    hub.services.identities.forget()
    assert (await browsing.open("/account")).status == 401


async def test_a_large_form_is_refused_before_it_is_parsed_and_each_is_counted(settings_sqlite: Settings) -> None:
    async with serving(replace(settings_sqlite, anonymous_rate=0.1, anonymous_burst=5)) as hub:
        answers = [await Browsing(hub).post("/signin", {"name": "x" * 100_000}) for _ in range(3)]
        answers += [await Browsing(hub).post("/signin", {"csrf_token": "0" * 64}) for _ in range(3)]

    assert [each.status for each in answers] == [413] * 3 + [403] * 2 + [429]


async def test_an_id_beyond_the_databases_numbers_is_not_found(hub_sqlite: ServedHub) -> None:
    ana = await signed_in(hub_sqlite)
    for path in ("/account/sessions/{}/end", "/account/tokens/{}/revoke", "/lobby/invitations/{}/end"):
        assert (await ana.send("/account", path.format(2**63))).status == 404, path
