"""One's own tokens on the pages: narrower than their user, shown once, revoked at once."""

import re

import pytest
from sqlalchemy import text

from tests.support.browsing import Browsing, signed_in
from tests.support.hub import ServedHub
from tests.support.talker import talking

FORM = {"name": "backup bot", "channel": "secret", "read": "yes", "publish": "yes", "days": "90"}


async def made(browsing: Browsing, **fields: str) -> str:
    """A new token."""
    answer = await browsing.send("/account/tokens", "/account/tokens", {**FORM, **fields})
    found = re.search(r"<code>(tw_[\w-]{43})</code>", answer.body.decode())
    assert answer.status == 201 and found, answer
    assert answer.headers["Cache-Control"] == "no-store"
    return found[1]


async def test_a_token_publishes_is_listed_without_its_secret_and_ends_with_its_connections(hub: ServedHub) -> None:
    await hub.private("secret")
    ana = await signed_in(hub)
    token = await made(ana)
    published = await hub.call("POST", "/secret", token=token, data="hello")
    await hub.services.uses.record(hub.services.db)
    page = (await ana.open("/account/tokens")).body.decode()
    async with talking(hub.url, token=token) as talker:
        (row,) = re.findall(r"/account/tokens/(\d+)/revoke", page)
        revoked = await ana.send("/account/tokens", f"/account/tokens/{row}/revoke")
        assert await talker.closed(within=2) == 4401
    after = await hub.call("POST", "/secret", token=token, data="hello")

    assert (published.status, published.json["author"]) == (201, "backup bot")
    assert token not in page and token[:9] in page
    assert (
        "publish and read" in page and "/secret" in page and "expires in 90 days" in page and "never used" not in page
    )
    assert (revoked.status, after.status) == (303, 401)
    assert "You have none" in (await ana.open("/account/tokens")).body.decode()


async def test_a_token_never_exceeds_its_user(hub: ServedHub) -> None:
    await hub.private("secret")
    ben, cyd = await signed_in(hub, "ben"), await signed_in(hub, "cyd")
    reading = await made(ben, publish="")
    everywhere = await made(cyd, channel="")
    refused = [
        await ben.send("/account/tokens", "/account/tokens", FORM),
        await cyd.send("/account/tokens", "/account/tokens", FORM),
    ]

    assert (await hub.call("GET", "/api/v1/channels/secret", token=reading)).status == 200
    assert (await hub.call("POST", "/secret", token=reading, data="x")).status == 403
    assert (await hub.call("GET", "/api/v1/channels/secret", token=everywhere)).status == 404
    assert (await hub.call("POST", "/lobby", token=everywhere, data="x")).status == 201
    assert [each.status for each in refused] == [403, 404]


async def test_another_users_token_can_not_be_revoked(hub: ServedHub) -> None:
    await hub.private("secret")
    ana, ben = await signed_in(hub), await signed_in(hub, "ben")
    token = await made(ana)
    async with hub.services.db.reading() as tx:
        token_id = (await tx.execute(text("SELECT id FROM tokens"))).scalar_one()
    answer = await ben.send("/account/tokens", f"/account/tokens/{token_id}/revoke")

    assert answer.status == 303 and (await hub.call("GET", "/api/v1/me", token=token)).status == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "eve\n12:00:00 INFO \x1b[31m"}, "name"),
        ({"name": "\u202eeve"}, "name"),
        ({"name": "ben"}, "name"),  # Another user's: it would be the author.
        ({"days": "0"}, "days"),
        ({"days": "366"}, "days"),
        ({"days": "x"}, "days"),
        ({"channel": "x" * 64}, "channel"),
        ({"read": "", "publish": ""}, ""),
    ],
)
async def test_what_is_wrong_stands_beside_its_field(
    hub_sqlite: ServedHub, changes: dict[str, str], field: str
) -> None:
    await hub_sqlite.private("secret")
    ana = await signed_in(hub_sqlite)
    fields = {name: value for name, value in {**FORM, **changes}.items() if value or name not in ("read", "publish")}
    answer = await ana.send("/account/tokens", "/account/tokens", fields)
    page = answer.body.decode()

    assert answer.status == 400
    assert f'id="{field}-error"' in page if field else "reads, publishes, or both" in page


async def test_a_user_has_so_many_valid_tokens(hub_sqlite: ServedHub) -> None:
    ana = await signed_in(hub_sqlite)
    async with hub_sqlite.services.db.transaction() as tx:
        user = (await tx.execute(text("SELECT id FROM users"))).scalar_one()
        await tx.execute(
            text(
                "INSERT INTO tokens (digest, prefix, name, user_id, scopes, created_at)"
                " VALUES (:digest, 'tw_', 'x', :user, 'read', 0)"
            ),
            [{"digest": str(n), "user": user} for n in range(200)],
        )
    answer = await ana.send("/account/tokens", "/account/tokens", {**FORM, "channel": ""})

    assert answer.status == 409 and "revoke one" in answer.body.decode()
