"""Access to websockets: the handshake, the channels, the number of connections and of calls, and the close."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import aiohttp
import pytest

from app.config import Settings
from tests.support.hub import Answered, ServedHub, serving
from tests.support.talker import Message, talking
from tests.support.watcher import WS_PATH, Watcher

HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


async def refused(hub: ServedHub, *, token: str | None = None, query: str = "") -> Answered:
    """The whole HTTP answer to a handshake that is refused."""
    return await hub.call("GET", WS_PATH + query, token=token, headers=HANDSHAKE)


async def ticket_of(hub: ServedHub, token: str) -> str:
    ticket: str = (await hub.call("POST", "/api/v1/tickets", token=token)).json["ticket"]
    return ticket


async def test_a_bad_token_is_refused_at_the_handshake(hub: ServedHub) -> None:
    for authorization in ("Bearer tw_unknown", "Bearer ", f"Bearer {'x' * 150}", "Basic YTpi"):
        answer = await hub.call("GET", WS_PATH, headers={**HANDSHAKE, "Authorization": authorization})

        assert (answer.status, answer.code) == (401, "unauthenticated"), authorization
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.json["error"]["request_id"] == answer.headers["X-Request-ID"] != ""
        assert answer.headers["Connection"] == "close"


async def test_a_ticket_is_valid_for_one_handshake_with_its_tokens_rights(hub: ServedHub) -> None:
    await hub.private("secret")
    ticket = await ticket_of(hub, await hub.token("ben"))
    async with talking(hub.url, ticket=ticket, welcomed=False) as talker:
        welcome = await talker.receive()
        answer = await talker.ask({"type": "subscribe", "channel": "secret"})
    again = await refused(hub, query=f"?ticket={ticket}")

    assert (welcome["user"], answer["type"]) == ("ben", "subscribed")
    assert (again.status, again.code) == (401, "unauthenticated")


async def test_of_several_handshakes_with_one_ticket_at_once_one_is_admitted(hub: ServedHub) -> None:
    ticket = await ticket_of(hub, await hub.token("ben"))
    path = f"/api/v1/channels/lobby/updates?ticket={ticket}"

    async def connect() -> int | None:
        try:
            async with talking(hub.url, ticket=ticket):
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status

    statuses = await asyncio.gather(*[connect() for _ in range(5)])

    assert sorted(status or 0 for status in statuses) == [101, 401, 401, 401, 401]
    assert (await hub.call("GET", path)).status == 200  # Other calls ignore a ticket.


async def test_a_ticket_requires_a_token_and_an_unknown_one_is_refused(hub_sqlite: ServedHub) -> None:
    answer = await hub_sqlite.call("POST", "/api/v1/tickets")
    unknown = await refused(hub_sqlite, query="?ticket=unknown")
    overlong = await refused(hub_sqlite, query=f"?ticket={'x' * 201}")

    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert (unknown.status, unknown.code) == (401, "unauthenticated")
    assert (overlong.status, overlong.json["error"]["field"]) == (400, "ticket")


async def test_a_private_channel_answers_exactly_as_a_missing_one(hub: ServedHub) -> None:
    await hub.private("secret")
    token = await hub.token("cyd")
    bound = await hub.token("ana", channel="lobby")
    async with (
        talking(hub.url) as anonymous,
        talking(hub.url, token=token) as cyd,
        talking(hub.url, token=bound) as ana,
    ):
        for talker in (anonymous, cyd, ana):
            for kind, more in (("subscribe", {}), ("presence", {}), ("publish", {"update": {"body": "x"}})):
                asked: Message = {"type": kind, "ref": 1, **more}
                secret = await talker.ask({**asked, "channel": "secret"})
                missing = await talker.ask({**asked, "channel": "sicret"})

                assert secret["code"] == "not_found"
                assert {**secret, "message": ""} == {**missing, "message": ""}
                assert secret["message"].replace("secret", "sicret") == missing["message"]


async def test_members_follow_their_private_channel(hub: ServedHub) -> None:
    await hub.private("secret")
    ana, ben = await hub.token("ana"), await hub.token("ben")
    async with Watcher(hub.url, channel="secret", token=ben) as watcher:
        await watcher.live()
        await hub.publish("secret", token=ana, body="for us")
        await watcher.seen(1)

    watcher.assert_whole(1)


async def test_a_token_without_the_scope_read_follows_nothing(hub: ServedHub) -> None:
    token = await hub.token("ana", scopes=["publish"])
    async with talking(hub.url, token=token) as talker:
        answer = await talker.ask({"type": "subscribe", "ref": 1, "channel": "lobby"})

    assert (answer["type"], answer["code"]) == ("error", "forbidden")
    assert "'read'" in answer["message"]


@pytest.fixture
async def narrow(settings_sqlite: Settings) -> AsyncIterator[ServedHub]:
    """A hub that admits two connections, and five calls at once."""
    few = replace(
        settings_sqlite,
        max_connections=2,
        anonymous_burst=5, anonymous_rate=0.1, publish_burst=5, publish_rate=0.1,
    )  # fmt: skip
    async with serving(few) as hub:
        yield hub


async def test_one_connection_too_many_is_answered_503(narrow: ServedHub) -> None:
    async with talking(narrow.url), talking(narrow.url):
        socket = await refused(narrow)
        stream = await narrow.call("GET", "/api/v1/channels/lobby/stream")

    assert [(each.status, each.code) for each in (socket, stream)] == [(503, "unavailable")] * 2
    assert [int(each.headers["Retry-After"]) > 0 for each in (socket, stream)] == [True, True]
    async with talking(narrow.url):
        pass  # There is room again.


async def test_one_network_of_anonymous_callers_has_a_bound_and_a_part_is_kept_for_the_others(
    settings_sqlite: Settings,
) -> None:
    few = replace(settings_sqlite, max_connections=10, address_connections=3, trusted_proxies=1)
    async with serving(few) as hub, AsyncExitStack() as stack:

        async def connect(address: str, token: str | None = None) -> int:
            headers = {"X-Forwarded-For": address} | ({"Authorization": f"Bearer {token}"} if token else {})
            request = hub.http.get(f"{hub.url}/lobby/sse", headers=headers)
            return (await stack.enter_async_context(request)).status

        of_one = [await connect(f"2001:db8::{host}") for host in range(4)]
        of_others = [await connect(f"192.0.2.{host}") for host in range(7)]
        token = await hub.token("ana")
        with_token = [await connect("2001:db8::1", token) for _ in range(2)]

    assert of_one == [200, 200, 200, 429]
    assert of_others == [200] * 6 + [503]
    assert with_token == [200, 503]


async def test_a_client_over_its_rate_gets_an_error_and_the_connection_goes_on(narrow: ServedHub) -> None:
    """The handshake was the first of the five."""
    async with talking(narrow.url) as talker:
        await talker.send(*[{"type": "ping", "ref": n} for n in range(4)])
        await talker.send({"type": "publish", "ref": "late", "channel": "lobby", "update": {"body": "x"}})
        answers = await talker.receive_all(5)
        await narrow.channel("quiet")
        log = await narrow.call("GET", "/api/v1/channels/lobby", token=await narrow.token("ana"))

        assert not talker.socket.closed

    assert [answer["type"] for answer in answers] == ["pong"] * 4 + ["error"]
    assert (answers[4]["code"], answers[4]["ref"]) == ("rate_limited", "late")
    assert log.json["last_seq"] == 0


async def test_each_token_has_its_own_limit_and_all_its_connections_share_it(narrow: ServedHub) -> None:
    ana, ben = await narrow.token("ana"), await narrow.token("ben")
    async with talking(narrow.url, token=ana) as first:
        pongs = [(await first.ask({"type": "ping"}))["type"] for _ in range(4)]
        again = await refused(narrow, token=ana)
        async with talking(narrow.url, token=ben) as other:
            pongs.append((await other.ask({"type": "ping"}))["type"])

    assert pongs == ["pong"] * 5
    assert (again.status, again.code) == (429, "rate_limited")
    assert int(again.headers["Retry-After"]) > 0
    assert (again.headers["RateLimit-Limit"], again.headers["RateLimit-Remaining"]) == ("5", "0")


async def test_a_shutdown_closes_with_1001(settings: Settings) -> None:
    async with AsyncExitStack() as clients:
        async with serving(settings) as hub:
            await hub.channel("ci")
            idle = await clients.enter_async_context(talking(hub.url))
            watcher = await clients.enter_async_context(Watcher(hub.url, channel="ci", resume=False))
            await watcher.live()
            await hub.publish("ci", body="x")
            await watcher.seen(1)
            leaving = asyncio.create_task(idle.closed())
            began = time.monotonic()
        took = time.monotonic() - began

        assert (await leaving, await watcher.closed()) == (1001, 1001)
    assert took < settings.shutdown_timeout / 2
