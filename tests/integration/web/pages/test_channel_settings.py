"""An owner changes a channel's settings on its page, and deletes it; nobody else does."""

import pytest

from app.model.access import Role
from tests.support.browsing import Browsing, signed_in
from tests.support.hub import ServedHub
from tests.support.talker import talking

FORM = {
    "title": "Builds",
    "description": "",
    "visibility": "private",
    "publishing": "members",
    "retention_days": "30",
    "retention_updates": "",
}


async def test_an_owner_changes_what_is_set(hub: ServedHub) -> None:
    await hub.private("secret")
    ana = await signed_in(hub)
    before = (await ana.open("/secret/settings")).body.decode()
    changed = await ana.send("/secret/settings", "/secret/settings", FORM)
    after = (await hub.call("GET", "/api/v1/channels/secret", token=await hub.token("ana"))).json

    assert 'id="visibility-private" name="visibility" type="radio" value="private" checked' in before
    assert changed.status == 303
    assert {name: after[name] for name in FORM} == {
        "title": "Builds",
        "description": None,
        "visibility": "private",
        "publishing": "members",
        "retention_days": 30,
        "retention_updates": None,
    }


async def test_watchers_without_a_right_end_when_it_is_made_private(hub: ServedHub) -> None:
    await hub.channel("open", owner="ana")
    ana = await signed_in(hub)
    async with talking(hub.url) as visitor:
        await visitor.ask({"type": "subscribe", "channel": "open"})
        await ana.send("/open/settings", "/open/settings", FORM)
        ended = (await visitor.receive_until("unsubscribed", within=2))[-1]

    assert ended["reason"] == "revoked"


@pytest.mark.parametrize("caller", [None, "cyd", "ben", "pia"])
async def test_nobody_else_changes_or_deletes_it(hub: ServedHub, caller: str | None) -> None:
    members = {"ben": Role.READER, "pia": Role.PUBLISHER}
    await hub.channel("secret", visibility="private", publishing="publishers", owner="ana", members=members)
    browsing = await signed_in(hub, caller) if caller else Browsing(hub)
    page = "/account" if caller else "/signin"
    answers = [
        await browsing.open("/secret/settings"),
        await browsing.send(page, "/secret/settings", FORM),
        await browsing.send(page, "/secret/delete", {"typed": "secret"}),
    ]

    status = {None: 303, "cyd": 404}.get(caller, 403)
    assert [each.status for each in answers] == [status] * 3
    after = (await hub.call("GET", "/api/v1/channels/secret", token=await hub.token("ana"))).json
    assert after["title"] is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": "x" * 201}, "title"),
        ({"visibility": "open"}, "visibility"),
        ({"publishing": ""}, "publishing"),
        ({"retention_days": "-1"}, "retention_days"),
        ({"retention_days": "0"}, "retention_days"),
        ({"retention_updates": "many"}, "retention_updates"),
        ({"retention_updates": "9" * 20}, "retention_updates"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field_and_nothing_changes(
    hub_sqlite: ServedHub, changes: dict[str, str], field: str
) -> None:
    await hub_sqlite.private("secret")
    ana = await signed_in(hub_sqlite)
    answer = await ana.send("/secret/settings", "/secret/settings", {**FORM, **changes})

    assert answer.status == 400 and f'id="{field}-error"' in answer.body.decode()
    after = (await hub_sqlite.call("GET", "/api/v1/channels/secret", token=await hub_sqlite.token("ana"))).json
    assert after["title"] is None


async def test_it_is_deleted_once_its_name_is_typed(hub: ServedHub) -> None:
    await hub.private("secret")
    ana = await signed_in(hub)
    wrong = await ana.send("/secret/settings", "/secret/delete", {"typed": "secre"})
    still = await ana.open("/secret")
    deleted = await ana.send("/secret/settings", "/secret/delete", {"typed": "secret"})

    assert (wrong.status, still.status, deleted.status) == (400, 200, 303)
    assert 'id="typed-error"' in wrong.body.decode()
    assert (await ana.open("/secret")).status == 404
