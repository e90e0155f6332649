"""Access over HTTP: an outsider gets no information, and a narrow token's refusal names what it lacks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.actions.tokens import revoke_token
from app.actions.users import set_user_disabled
from app.model.access import Role
from tests.support.hub import Answered, ServedHub

UPDATE: dict[str, Any] = {"json": {"body": "x"}}
# Every call on one channel, by method, path after its name, and what it is given.
CALLS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("show", "GET", "/api/v1/channels/{}", {}),
    ("change", "PATCH", "/api/v1/channels/{}", {"json": {"title": "x"}}),
    ("delete", "DELETE", "/api/v1/channels/{}", {}),
    ("publish", "POST", "/api/v1/channels/{}/updates", UPDATE),
    ("publish a batch", "POST", "/api/v1/channels/{}/updates", {"json": {"updates": [{"body": "x"}]}}),
    ("history", "GET", "/api/v1/channels/{}/updates", {}),
    ("filtered history", "GET", "/api/v1/channels/{}/updates?after=0&q=x&tag=t&level=info&key=k", {}),
    ("board", "GET", "/api/v1/channels/{}/board", {}),
    ("board at", "GET", "/api/v1/channels/{}/board?at=1", {}),
    ("presence", "GET", "/api/v1/channels/{}/presence", {}),
    ("stream", "GET", "/api/v1/channels/{}/stream", {}),
    ("stream after", "GET", "/api/v1/channels/{}/stream?after=0&epoch=e", {}),
]
SHORT_PATH_CALLS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("publish text", "POST", "/{}", {"data": b"x"}),
    ("put text", "PUT", "/{}", {"data": b"x"}),
    ("page", "GET", "/{}", {"headers": {"Accept": "text/html"}}),
    ("page for a tool", "GET", "/{}", {}),
    ("sse", "GET", "/{}/sse", {}),
    ("json", "GET", "/{}/json", {}),
]


def comparable(answer: Answered, slug: str) -> tuple[int, dict[str, str], str]:
    """All that an answer contains, except what differs in every answer."""
    own = {"x-request-id", "date", "content-length", "ratelimit-remaining", "ratelimit-reset"}
    headers = {name.lower(): value for name, value in answer.headers.items() if name.lower() not in own}
    body = answer.body.decode().replace(answer.headers["X-Request-ID"], "ID").replace(slug, "SLUG")
    return answer.status, headers, body


@pytest.mark.parametrize("caller", ["anonymous", "an outsider", "a token bound elsewhere"])
async def test_a_private_channel_answers_an_outsider_as_a_missing_one(hub: ServedHub, caller: str) -> None:
    await hub.private("secret")
    token = None
    if caller != "anonymous":
        token = await hub.token("cyd") if caller == "an outsider" else await hub.token("ana", channel="lobby")
    for name, method, path, given in CALLS + SHORT_PATH_CALLS:
        private, missing = [
            await hub.call(method, path.format(slug), token=token, **given) for slug in ("secret", "absent")
        ]

        assert private.status == 404, name
        assert comparable(private, "secret") == comparable(missing, "absent"), name


async def test_an_outsider_does_not_find_a_private_or_unlisted_channel_in_the_list(hub: ServedHub) -> None:
    await hub.private("secret")
    await hub.channel("quiet", visibility="unlisted", owner="ana")
    seen = {
        caller: [
            channel["slug"] for channel in (await hub.call("GET", "/api/v1/channels", token=token)).json["channels"]
        ]
        for caller, token in {
            "anonymous": None,
            "cyd": await hub.token("cyd"),
            "ben": await hub.token("ben"),
            "ana": await hub.token("ana"),
            "admin": await hub.token("eve", admin=True),
        }.items()
    }

    assert seen == {
        "anonymous": ["lobby"],
        "cyd": ["lobby"],
        "ben": ["lobby", "secret"],
        "ana": ["lobby", "quiet", "secret"],
        "admin": ["lobby", "quiet", "secret"],
    }


async def test_a_list_shows_a_token_what_it_may_read_and_no_more(hub: ServedHub) -> None:
    await hub.private("secret")
    await hub.private("other")
    bound, blind = await hub.token("ana", channel="secret"), await hub.token("ana", scopes=["publish"])
    listed = await hub.call("GET", "/api/v1/channels", token=bound)
    refused = await hub.call("GET", "/api/v1/channels", token=blind)

    assert [channel["slug"] for channel in listed.json["channels"]] == ["lobby", "secret"]
    assert (refused.status, refused.code) == (403, "forbidden")
    assert "scope 'read'" in refused.json["error"]["message"]


async def test_an_unlisted_channel_can_be_read_by_its_name(hub: ServedHub) -> None:
    await hub.channel("quiet", visibility="unlisted")
    stored = await hub.publish("quiet", body="psst")
    answer = await hub.call("GET", "/api/v1/channels/quiet/updates")

    assert answer.json["updates"] == [stored]


READS = [call for call in CALLS if call[0] not in ("change", "delete", "publish", "publish a batch")]
WRITES = [call for call in CALLS if call not in READS]


async def test_the_refusal_of_a_token_names_the_scope_it_lacks(hub: ServedHub) -> None:
    await hub.private("ci")
    reader, writer = await hub.token("ana", scopes=["read"]), await hub.token("ana", scopes=["publish"])
    for calls, token, missing in ((READS, writer, "read"), (WRITES, reader, "publish")):
        for name, method, path, given in calls:
            answer = await hub.call(method, path.format("ci"), token=token, **given)

            assert (answer.status, answer.code) == (403, "forbidden"), name
            assert f"lacks the scope {missing!r}" in answer.json["error"]["message"], name


async def test_the_refusal_of_a_token_bound_to_another_channel_names_that_reason(hub: ServedHub) -> None:
    await hub.channel("ci", owner="ana")
    token = await hub.token("ana", channel="lobby")
    for name, method, path, given in CALLS:
        answer = await hub.call(method, path.format("ci"), token=token, **given)

        assert (answer.status, answer.code) == (403, "forbidden"), name
        assert "bound to another channel than 'ci'" in answer.json["error"]["message"], name


async def test_a_token_bound_to_a_channel_may_read_and_publish_there_alone(hub: ServedHub) -> None:
    await hub.private("ci")
    token = await hub.token("ana", channel="ci")
    stored = await hub.publish("ci", token=token, body="x")
    seen = await hub.call("GET", "/api/v1/channels/ci/updates", token=token)
    changed = await hub.call("PATCH", "/api/v1/channels/ci", token=token, json={"title": "x"})
    made = await hub.call("POST", "/api/v1/channels", token=token, json={"slug": "new-one"})

    assert seen.json["updates"] == [stored]
    assert (changed.status, made.status) == (403, 403)
    assert "a token for all channels" in changed.json["error"]["message"]
    assert "not bound to a channel" in made.json["error"]["message"]


@pytest.mark.parametrize(
    ("publishing", "allowed"),
    [
        ("everyone", {"anonymous", "cyd", "ben", "pam", "ana", "eve"}),
        ("members", {"ben", "pam", "ana", "eve"}),
        ("publishers", {"pam", "ana", "eve"}),
    ],
)
async def test_a_channels_publishing_rule_is_applied_to_every_caller(
    hub: ServedHub, publishing: str, allowed: set[str]
) -> None:
    await hub.channel("ci", publishing=publishing, owner="ana", members={"ben": Role.READER, "pam": Role.PUBLISHER})
    tokens = {user: await hub.token(user) for user in ("cyd", "ben", "pam", "ana")}
    tokens["eve"] = await hub.token("eve", admin=True)
    answers = {
        user: await hub.call("POST", "/api/v1/channels/ci/updates", token=tokens.get(user), **UPDATE)
        for user in ("anonymous", *tokens)
    }

    assert {user for user, answer in answers.items() if answer.status == 201} == allowed
    for user, answer in answers.items():
        if user not in allowed:
            assert (answer.status, answer.code) == (
                (401, "unauthenticated") if user == "anonymous" else (403, "forbidden")
            )
            assert f"Publishing to 'ci' is for its {publishing}." in answer.json["error"]["message"]


async def test_changing_a_channel_is_for_its_owners_and_admins(hub: ServedHub) -> None:
    await hub.channel("ci", owner="ana", members={"pam": Role.PUBLISHER})
    ana, pam, eve = await hub.token("ana"), await hub.token("pam"), await hub.token("eve", admin=True)
    answers = [
        await hub.call("PATCH", "/api/v1/channels/ci", token=token, json={"title": "Builds"})
        for token in (ana, eve, pam, None)
    ]

    assert [answer.status for answer in answers] == [200, 200, 403, 401]
    assert "for its owners and for admins" in answers[2].json["error"]["message"]


@pytest.mark.parametrize("given", ["Bearer tw_unknown", "Bearer", "Bearer  ", "Basic YTpi", "tw_unknown", ""])
async def test_an_invalid_token_is_answered_401_wherever_it_is_sent(hub_sqlite: ServedHub, given: str) -> None:
    paths = ["/api/v1/channels", "/api/v1/channels/lobby/updates", "/api/v1/channels/absent", "/lobby/sse"]
    answers = [await hub_sqlite.call("GET", path, headers={"Authorization": given}) for path in paths]

    assert {(answer.status, answer.code) for answer in answers} == {(401, "unauthenticated")}
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {'Bearer realm="tidewire"'}


async def test_a_token_is_no_longer_valid_once_revoked_expired_or_its_user_disabled(hub: ServedHub) -> None:
    db = hub.services.db
    revoked, disabled = await hub.token("ana"), await hub.token("ben")
    expired = await hub.token("cyd", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await revoke_token(db, revoked)
    await set_user_disabled(db, "ben", True)
    answers = [await hub.call("GET", "/api/v1/channels", token=token) for token in (revoked, disabled, expired)]

    assert [(answer.status, answer.code) for answer in answers] == [(401, "unauthenticated")] * 3
    assert all("WWW-Authenticate" in answer.headers for answer in answers)


async def test_an_overlong_token_is_refused_before_it_is_looked_up(hub_sqlite: ServedHub) -> None:
    answer = await hub_sqlite.call("GET", "/api/v1/channels", token="t" * 201)

    assert (answer.status, answer.json["error"]["field"]) == (400, "Authorization")


@pytest.mark.parametrize("name", ["a%00b", "%F0%9F%8C%8A", "-leading", "UPPER", "a" * 500, "'; DROP TABLE channels"])
async def test_a_name_that_no_channel_can_have_is_not_found(hub: ServedHub, name: str) -> None:
    calls = [("GET", f"/api/v1/channels/{name}"), ("GET", f"/{name}"), ("GET", f"/api/v1/channels/{name}/updates")]
    answers = [await hub.call(method, path) for method, path in calls]
    answers.append(await hub.call("POST", f"/api/v1/channels/{name}/updates", **UPDATE))
    answers.append(await hub.call("POST", f"/{name}", data=b"x"))

    assert {(answer.status, answer.code) for answer in answers} == {(404, "not_found")}
