"""Creating a private channel on the pages, and the command with a real token that its page shows once."""

import re

import pytest
from sqlalchemy import text

from tests.support.browsing import signed_in
from tests.support.hub import ServedHub

FORM = {"slug": "ci", "title": "Builds", "visibility": "private", "publishing": "publishers"}


async def test_a_private_channel_its_token_and_the_first_update(hub: ServedHub) -> None:
    browsing = await signed_in(hub)
    made = await browsing.send("/new", "/new", FORM)
    page = (await browsing.open("/ci")).body.decode()
    shown = await browsing.send("/ci", "/ci/token")
    (command,) = set(
        re.findall(r'curl -d "hello" -H "Authorization: Bearer (tw_[\w-]{43})" \S+/ci<', shown.body.decode())
    )
    published = await hub.call("POST", "/ci", token=command, data="hello")
    again = await browsing.open("/ci/token")
    other = await signed_in(hub, "cyd")

    assert (made.status, made.headers["Location"]) == (303, "/ci")
    assert "$TOKEN" in page and "Make a token" in page
    assert (shown.status, shown.headers["Cache-Control"]) == (201, "no-store")
    assert (published.status, published.json["author"]) == (201, "ci, from its page")
    assert (again.status, again.headers["Location"]) == (303, "/ci")
    assert (await other.open("/ci")).status == 404
    assert (await hub.call("GET", "/api/v1/channels/ci", token=command)).status == 200
    assert (await hub.call("GET", "/api/v1/channels/lobby", token=command)).status == 403


async def test_a_token_of_the_page_is_for_those_who_may_publish(hub: ServedHub) -> None:
    await hub.private("secret")
    await hub.channel("read-only", publishing="publishers", owner="ana")
    reader, outsider = await signed_in(hub, "ben"), await signed_in(hub, "cyd")
    answers = [
        await reader.send("/account", "/secret/token"),
        await outsider.send("/account", "/secret/token"),
        await outsider.send("/account", "/read-only/token"),
        await outsider.send("/account", "/nowhere/token"),
    ]

    assert [each.status for each in answers] == [403, 404, 403, 404]
    async with hub.services.db.reading() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM tokens"))).scalar_one() == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"slug": "api"}, "slug"),
        ({"slug": "No Slug"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"slug": "lobby"}, "slug"),
        ({"title": "x" * 201}, "title"),
        ({"description": "x" * 2001}, "description"),
        ({"visibility": "secret"}, "visibility"),
        ({"publishing": "nobody"}, "publishing"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field(
    hub_sqlite: ServedHub, changes: dict[str, str], field: str
) -> None:
    browsing = await signed_in(hub_sqlite)
    answer = await browsing.send("/new", "/new", {**FORM, **changes})
    page = answer.body.decode()

    assert answer.status in (400, 409)
    assert f'id="{field}-error"' in page and f'value="{({**FORM, **changes})["title"]}"' in page
