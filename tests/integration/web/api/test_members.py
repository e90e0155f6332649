"""Members over the API, and the caller itself."""

import pytest

from app.model.access import Role
from tests.support.hub import ServedHub

PATH = "/api/v1/channels/secret/members"


async def test_an_owner_lists_adds_changes_and_removes(hub: ServedHub) -> None:
    await hub.private("secret")
    await hub.user("cyd")
    token = await hub.token("ana")
    added = await hub.call("PUT", f"{PATH}/cyd", token=token, json={"role": "publisher"})
    changed = await hub.call("PUT", f"{PATH}/cyd", token=token, json={"role": "reader"})
    listed = await hub.call("GET", PATH, token=token)
    removed = await hub.call("DELETE", f"{PATH}/cyd", token=token)
    again = await hub.call("DELETE", f"{PATH}/cyd", token=token)

    assert (added.status, added.json) == (200, {"name": "cyd", "role": "publisher"})
    assert changed.json["role"] == "reader"
    assert listed.json == {
        "members": [
            {"name": "ana", "role": "owner"},
            {"name": "ben", "role": "reader"},
            {"name": "cyd", "role": "reader"},
        ]
    }
    assert (removed.status, again.status, again.code) == (204, 404, "not_found")


@pytest.mark.parametrize(
    ("caller", "bound", "statuses"),
    [
        (None, False, [404, 404, 404]),
        ("cyd", False, [404, 404, 404]),
        ("ben", False, [200, 403, 403]),
        ("pia", False, [200, 403, 403]),
        ("ana", True, [200, 403, 403]),  # A token for one channel changes no channel.
        ("adi", False, [200, 200, 204]),
    ],
)
async def test_who_may_see_and_manage_members(
    hub: ServedHub, caller: str | None, bound: bool, statuses: list[int]
) -> None:
    members = {"ben": Role.READER, "pia": Role.PUBLISHER}
    await hub.channel("secret", visibility="private", publishing="publishers", owner="ana", members=members)
    await hub.user("eva")
    token = None
    if caller is not None:
        token = await hub.token(caller, admin=caller == "adi", channel="secret" if bound else None)
    answers = [
        await hub.call("GET", PATH, token=token),
        await hub.call("PUT", f"{PATH}/eva", token=token, json={"role": "reader"}),
        await hub.call("DELETE", f"{PATH}/ben", token=token),
    ]

    assert [each.status for each in answers] == statuses


async def test_the_members_of_a_public_channel_are_shown_to_members_alone(hub: ServedHub) -> None:
    await hub.channel("open", owner="ana")
    path = "/api/v1/channels/open/members"

    assert (await hub.call("GET", path)).status == 401
    assert (await hub.call("GET", path, token=await hub.token("cyd"))).status == 403
    assert (await hub.call("GET", path, token=await hub.token("ana"))).status == 200


async def test_the_last_owner_stays_and_a_wrong_role_or_name_is_named(hub: ServedHub) -> None:
    await hub.private("secret")
    token = await hub.token("ana")
    last = [
        await hub.call("DELETE", f"{PATH}/ana", token=token),
        await hub.call("PUT", f"{PATH}/ana", token=token, json={"role": "reader"}),
    ]
    wrong = [
        await hub.call("PUT", f"{PATH}/ben", token=token, json={"role": "king"}),
        await hub.call("PUT", f"{PATH}/ben", token=token, json={}),
        await hub.call("PUT", f"{PATH}/nobody", token=token, json={"role": "reader"}),
    ]

    assert [(each.status, each.code) for each in last] == [(409, "conflict")] * 2
    assert [(each.status, each.json["error"]["field"]) for each in wrong] == [
        (400, "role"),
        (400, "role"),
        (404, "name"),
    ]


async def test_a_caller_learns_who_it_is(hub: ServedHub) -> None:
    await hub.private("secret")
    bound = await hub.token("ana", channel="secret", scopes=["read"])
    anonymous = (await hub.call("GET", "/api/v1/me")).json
    of_token = (await hub.call("GET", "/api/v1/me", token=bound)).json

    assert anonymous == {
        "user": None, "admin": False, "credential": None, "scopes": [], "bound": False, "expires_at": None,
    }  # fmt: skip
    assert of_token == {
        "user": "ana", "admin": False, "credential": "token", "scopes": ["read"], "bound": True, "expires_at": None,
    }  # fmt: skip
