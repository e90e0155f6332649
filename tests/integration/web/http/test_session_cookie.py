"""What a session's cookie opens, and where it never counts."""

from dataclasses import replace

import aiohttp
import pytest

from app.config import Settings
from app.web.http import session_cookie
from app.web.http.session_cookie import csrf_token
from tests.support.browsing import Browsing, signed_in
from tests.support.hub import ServedHub, serving

UPDATES = "/api/v1/channels/secret/updates"
FOREIGN = {"Origin": "https://evil.example"}


def token_of(browsing: Browsing) -> dict[str, str]:
    """The header that a page of this browser's session sends with a change."""
    settings = browsing.hub.services.settings
    secret = session_cookie._serializer((settings.secret_key,)).loads(browsing.cookies["tidewire"])
    return {"X-CSRF-Token": csrf_token(settings, secret)}


async def test_the_api_and_the_streams_take_the_cookie(hub: ServedHub) -> None:
    await hub.private("secret")
    browsing = await signed_in(hub)
    published = await hub.call("POST", UPDATES, headers={**browsing.headers, **token_of(browsing)}, json={"body": "x"})
    read = await hub.call("GET", UPDATES, headers=browsing.headers)
    async with hub.http.get(f"{hub.url}/secret/sse", headers=browsing.headers) as stream:
        assert stream.status == 200

    assert (published.status, published.json["author"]) == (201, "ana")
    assert [each["body"] for each in read.json["updates"]] == ["x"]
    assert read.headers["Cache-Control"] == "no-store"


async def test_a_change_over_the_api_needs_the_sessions_own_token(hub: ServedHub) -> None:
    await hub.private("secret")
    ana, ben = await signed_in(hub), await signed_in(hub, "ben")
    for more in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": "é"}, token_of(ben)):
        for method, path in (("POST", UPDATES), ("DELETE", "/api/v1/channels/secret"), ("POST", "/api/v1/tickets")):
            answer = await hub.call(method, path, headers={**ana.headers, **more}, json={"body": "x"})
            assert (answer.status, answer.code, answer.json["error"]["field"]) == (403, "forbidden", "X-CSRF-Token")


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_the_text_publish_never_counts_a_cookie(hub: ServedHub, method: str) -> None:
    """Any page of the web can send it by a form."""
    await hub.private("secret")
    await hub.channel("club", publishing="members", owner="ana")
    browsing = await signed_in(hub)
    own = {**browsing.headers, **token_of(browsing)}
    answers = [
        await hub.call(method, "/secret", headers=own, data="x"),
        await hub.call(method, "/club", headers=own, data="x"),
        await hub.call(method, "/club?title=x", headers=own, data="x"),  # Not on the fast path.
        await hub.call(method, "/lobby", headers={**own, **FOREIGN}, data="x"),
    ]
    open_to_all = await hub.call(method, "/lobby", headers=own, data="x")

    assert [each.status for each in answers] == [404, 401, 401, 403]
    assert (open_to_all.status, open_to_all.json["author"]) == (201, None)


async def test_a_page_of_another_site_can_not_use_the_session(hub: ServedHub) -> None:
    await hub.private("secret")
    browsing = await signed_in(hub)
    headers = {**browsing.headers, **FOREIGN}
    read = await hub.call("GET", UPDATES, headers=headers)
    for path in ("/api/v1/ws", "/api/v1/ws?x=1"):  # The second is not on the fast path.
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await hub.http.ws_connect(hub.url + path, headers=headers)
        assert refused.value.status == 403
    own = {**browsing.headers, "Origin": hub.url}
    async with hub.http.ws_connect(f"{hub.url}/api/v1/ws", headers=own) as socket:
        welcome = await socket.receive_json(timeout=5)

    assert (read.status, read.json["error"]["field"]) == (403, "Origin")
    assert welcome["user"] == "ana"


async def test_a_token_goes_before_the_cookie(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.private("secret")
    browsing = await signed_in(hub_sqlite, "cyd")
    token = await hub_sqlite.token("ana")
    answer = await hub_sqlite.call("POST", UPDATES, token=token, headers=browsing.headers, json={"body": "x"})

    assert (answer.status, answer.json["author"]) == (201, "ana")


async def test_a_ticket_of_a_session_dies_with_it(hub: ServedHub) -> None:
    await hub.private("secret")
    browsing = await signed_in(hub)
    given = {**browsing.headers, **token_of(browsing)}
    tickets = [(await hub.call("POST", "/api/v1/tickets", headers=given)).json["ticket"] for _ in range(2)]
    async with hub.http.get(f"{hub.url}/secret/sse?ticket={tickets[0]}") as stream:
        assert stream.status == 200
    await browsing.send("/account", "/signout")

    assert (await hub.call("GET", f"/secret/sse?ticket={tickets[1]}")).status == 401


@pytest.mark.parametrize(
    "cookie",
    [
        "tidewire=guess",
        "tidewire=",
        "tidewire=" + "x" * 5000,
        'tidewire="; tidewire=',
        "tidewire",
        "tidewire=InNlY3JldCI.awoeeg.1aOiDGmNRb21HAn7qKFUclvHCZg",
        "\xff=\xfe; tidewire=\xff",
    ],
)
async def test_a_cookie_that_this_hub_did_not_sign_is_none(hub_sqlite: ServedHub, cookie: str) -> None:
    answer = await hub_sqlite.call("GET", "/api/v1/channels", headers={"Cookie": cookie})

    assert (answer.status, len(answer.json["channels"])) == (200, 1)


async def test_a_new_secret_key_leaves_sessions_while_the_old_one_is_a_fallback(settings_sqlite: Settings) -> None:
    new = "a new key of the tests, which is long enough"
    async with serving(settings_sqlite) as hub:
        browsing = await signed_in(hub)
    with_fallback = replace(settings_sqlite, secret_key=new, secret_key_fallbacks=(settings_sqlite.secret_key,))
    async with serving(with_fallback) as browsing.hub:
        still = await browsing.open("/account")
        changed = await browsing.send("/account", "/account/sessions/end-others")
    async with serving(replace(settings_sqlite, secret_key=new)) as browsing.hub:
        no_more = await browsing.open("/account")

    assert [each.status for each in (still, changed, no_more)] == [200, 303, 303]
