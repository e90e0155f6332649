"""Tickets: one use, on a stream or a websocket, in place of a token in a URL, and never more than that token."""

import aiohttp
import pytest
from sqlalchemy import select, update

from app.actions.tokens import revoke_token
from app.clock import now_ms
from app.store.tables import TICKETS
from tests.support.hub import ServedHub

PATH = "/api/v1/tickets"


async def ticket(hub: ServedHub, token: str) -> str:
    answer = await hub.call("POST", PATH, token=token)
    assert (answer.status, set(answer.json), answer.json["expires_in"]) == (201, {"ticket", "expires_in"}, 60)
    found: str = answer.json["ticket"]
    return found


async def stream_status(hub: ServedHub, given: str, path: str = "/api/v1/channels/secret/stream") -> int:
    async with hub.http.get(hub.url + path, params={"ticket": given}) as answer:
        return answer.status


async def test_a_ticket_opens_one_stream_and_no_second(hub: ServedHub) -> None:
    await hub.private("secret")
    given = await ticket(hub, await hub.token("ben"))

    assert await stream_status(hub, given) == 200
    assert await stream_status(hub, given) == 401


@pytest.mark.parametrize("path", ["/secret/sse", "/secret/json"])
async def test_a_ticket_is_valid_for_the_streams_by_path(hub_sqlite: ServedHub, path: str) -> None:
    await hub_sqlite.private("secret")

    assert await stream_status(hub_sqlite, await ticket(hub_sqlite, await hub_sqlite.token("ben")), path) == 200


async def test_a_ticket_opens_a_websocket_with_its_users_rights(hub: ServedHub) -> None:
    await hub.private("secret")
    given = await ticket(hub, await hub.token("ben"))
    async with hub.http.ws_connect(f"{hub.url}/api/v1/ws?ticket={given}") as socket:
        welcome = await socket.receive_json(timeout=5)
        await socket.send_json({"type": "subscribe", "channel": "secret"})
        subscribed = await socket.receive_json(timeout=5)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await hub.http.ws_connect(f"{hub.url}/api/v1/ws?ticket={given}")

    assert (welcome["user"], subscribed["type"], refused.value.status) == ("ben", "subscribed", 401)


async def test_a_ticket_is_as_narrow_as_the_token_it_was_made_with(hub: ServedHub) -> None:
    await hub.private("secret")
    writer = await ticket(hub, await hub.token("ana", scopes=["publish"]))
    elsewhere = await ticket(hub, await hub.token("ana", channel="lobby"))
    outsider = await ticket(hub, await hub.token("cyd"))

    assert [await stream_status(hub, given) for given in (writer, elsewhere, outsider)] == [403, 404, 404]


async def test_a_ticket_of_a_revoked_token_is_not_valid(hub: ServedHub) -> None:
    await hub.private("secret")
    token = await hub.token("ben")
    given = await ticket(hub, token)
    await revoke_token(hub.services.db, token)

    assert await stream_status(hub, given) == 401


async def test_a_ticket_is_valid_for_sixty_seconds(hub: ServedHub) -> None:
    await hub.private("secret")
    before = now_ms()
    given = await ticket(hub, await hub.token("ben"))
    after = now_ms()
    async with hub.services.db.transaction() as tx:
        until = (await tx.execute(select(TICKETS.c.expires_at))).scalar_one()
        await tx.execute(update(TICKETS).values(expires_at=now_ms()))

    assert before + 60_000 <= until <= after + 60_000
    assert await stream_status(hub, given) == 401


async def test_an_expired_ticket_that_was_never_used_is_removed(hub: ServedHub) -> None:
    await hub.private("secret")
    token = await hub.token("ben")
    await ticket(hub, token)
    async with hub.services.db.transaction() as tx:
        await tx.execute(update(TICKETS).values(expires_at=now_ms() - 1))
    await ticket(hub, token)

    async with hub.services.db.reading() as tx:
        assert len((await tx.execute(select(TICKETS.c.digest))).all()) == 1


async def test_a_ticket_is_kept_from_caches_and_needs_a_token(hub_sqlite: ServedHub) -> None:
    made = await hub_sqlite.call("POST", PATH, token=await hub_sqlite.token("ana"))
    anonymous = await hub_sqlite.call("POST", PATH)

    assert made.headers["Cache-Control"] == "no-store"
    assert (anonymous.status, anonymous.code) == (401, "unauthenticated")
    assert anonymous.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("given", "status"), [("", 401), ("unknown", 401), ("t" * 201, 400)])
async def test_an_invalid_ticket_opens_nothing(hub_sqlite: ServedHub, given: str, status: int) -> None:
    assert await stream_status(hub_sqlite, given, "/api/v1/channels/lobby/stream") == status


async def test_a_ticket_is_no_token_for_other_calls(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.private("secret")
    given = await ticket(hub_sqlite, await hub_sqlite.token("ben"))
    as_query = await hub_sqlite.call("GET", f"/api/v1/channels/secret?ticket={given}")
    as_token = await hub_sqlite.call("GET", "/api/v1/channels/secret", token=given)

    assert (as_query.status, as_token.status) == (404, 401)
