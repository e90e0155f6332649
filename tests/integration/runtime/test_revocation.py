"""What ends with a right: within two seconds, whether the change was announced or only found by the poll."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.actions.tokens import revoke_token
from app.actions.users import set_user_disabled
from app.config import Settings
from app.runtime.reconciler import Reconciler
from app.services import Services
from app.store import members as store_members
from app.tasks import TaskScope
from tests.support.hub import ServedHub, serving
from tests.support.redis import Redis
from tests.support.streaming import streaming
from tests.support.talker import Message, Talker, talking

WITHIN = 2.0
REVOKED: Message = {"type": "unsubscribed", "channel": "secret", "reason": "revoked"}


async def subscribed(talker: Talker, channel: str = "secret") -> None:
    answer = await talker.ask({"type": "subscribe", "channel": channel})
    assert answer["type"] == "subscribed"


async def revoked(hub: ServedHub, token: str) -> None:
    await revoke_token(hub.services.db, token)


async def disabled(hub: ServedHub, token: str) -> None:
    await set_user_disabled(hub.services.db, "ben", True)


type Revoke = Callable[[ServedHub, str], Awaitable[None]]


@pytest.mark.parametrize("revoke", [revoked, disabled])
async def test_a_token_that_is_no_longer_valid_ends_its_connections_and_streams(hub: ServedHub, revoke: Revoke) -> None:
    """The idle connection, the one opened with a ticket, and both forms of the stream; no other user's."""
    await hub.private("secret")
    token, other = await hub.token("ben"), await hub.token("ana")
    ticket = (await hub.call("POST", "/api/v1/tickets", token=token)).json["ticket"]
    async with (
        talking(hub.url, token=token) as watching,
        talking(hub.url, token=token) as idle,
        talking(hub.url, ticket=ticket) as by_ticket,
        streaming(hub.url, "/secret/sse", token=token) as events,
        streaming(hub.url, "/secret/json", token=token) as lines,
        talking(hub.url, token=other) as ana,
    ):
        await subscribed(watching)
        await subscribed(ana)
        await events.block()
        began = time.monotonic()
        await revoke(hub, token)
        codes = [await talker.closed(within=WITHIN) for talker in (watching, idle, by_ticket)]
        ended = await events.event(), await lines.message()
        rest = await events.rest(), await lines.rest()
        took = time.monotonic() - began
        again = await hub.call("GET", "/secret/json", token=token)
        await hub.publish("secret", token=other, body="still")

        assert (await ana.receive())["seq"] == 1

    assert codes == [4401, 4401, 4401]
    assert ended == (("unsubscribed", None, REVOKED), REVOKED)
    assert rest == (b"", b"")
    assert took < WITHIN
    assert (again.status, again.code) == (401, "unauthenticated")


async def test_a_client_with_a_revoked_token_can_not_reconnect(settings_sqlite: Settings) -> None:
    """Although the token was valid a moment ago, and that is cached."""
    async with serving(replace(settings_sqlite, poll_interval=0.05)) as hub:
        token = await hub.token("ben")
        async with talking(hub.url, token=token) as talker:
            await revoke_token(hub.services.db, token)
            code = await talker.closed(within=WITHIN)
        again = await hub.call("GET", "/api/v1/channels/lobby", token=token)

    assert (code, again.status) == (4401, 401)


async def test_a_token_that_expires_ends_its_connections_and_streams(hub: ServedHub) -> None:
    await hub.private("secret")
    expires_at = datetime.now(UTC) + timedelta(seconds=1)
    token = await hub.token("ben", expires_at=expires_at)
    async with (
        talking(hub.url, token=token) as talker,
        streaming(hub.url, "/secret/json", token=token) as lines,
    ):
        await subscribed(talker)
        code, ended = await asyncio.gather(talker.closed(within=1 + WITHIN), lines.message(within=1 + WITHIN))
        late = (datetime.now(UTC) - expires_at).total_seconds()

    assert (code, ended) == (4401, REVOKED)
    assert 0 <= late < WITHIN


async def test_a_removed_member_loses_that_channel_alone(hub: ServedHub) -> None:
    channel = await hub.private("secret")
    user = await hub.user("ben")
    ana, ben = await hub.token("ana"), await hub.token("ben")
    async with (
        talking(hub.url, token=ben) as leaving,
        talking(hub.url, token=ana) as staying,
        streaming(hub.url, "/secret/sse", token=ben) as events,
    ):
        for talker in (leaving, staying):
            await subscribed(talker)
        await subscribed(leaving, "lobby")
        await events.block()
        async with hub.services.db.transaction() as tx:
            await store_members.remove(tx, channel.id, user.id)
        ended = await asyncio.gather(leaving.receive(within=WITHIN), events.event(within=WITHIN))
        rest = await events.rest()
        await hub.publish("secret", token=ana, body="not for ben")
        await hub.publish("lobby", body="for all")
        updates = await leaving.receive(), await staying.receive()
        back = await leaving.ask({"type": "subscribe", "channel": "secret"})

    assert tuple(ended) == (REVOKED, ("unsubscribed", None, REVOKED))
    assert rest == b""
    assert [(message["channel"], message["seq"]) for message in updates] == [("lobby", 1), ("secret", 1)]
    assert (back["type"], back["code"]) == ("error", "not_found")


async def test_a_channel_made_private_ends_the_watches_of_outsiders(hub: ServedHub) -> None:
    await hub.channel("secret", owner="ana", publishing="members")
    ana = await hub.token("ana")
    async with (
        talking(hub.url) as anonymous,
        talking(hub.url, token=await hub.token("cyd")) as cyd,
        talking(hub.url, token=ana) as owner,
        streaming(hub.url, "/secret/json") as lines,
    ):
        for talker in (anonymous, cyd, owner):
            await subscribed(talker)
        await hub.call("PATCH", "/api/v1/channels/secret", token=ana, json={"visibility": "private"})
        ended = await asyncio.gather(
            *[each.receive(within=WITHIN) for each in (anonymous, cyd)], lines.message(within=WITHIN)
        )
        stored = await hub.publish("secret", token=ana, body="for members")
        received = await owner.receive(), await anonymous.ask({"type": "ping"}), await cyd.ask({"type": "ping"})

    assert ended == [REVOKED] * 3
    assert received == ({"type": "update", **stored}, {"type": "pong"}, {"type": "pong"})


async def test_presence_is_no_longer_sent_to_a_client_that_may_not_see_the_channel(hub: ServedHub) -> None:
    await hub.channel("secret", owner="ana")
    ana = await hub.token("ana")
    ask = {"type": "presence", "channel": "secret"}
    async with talking(hub.url) as anonymous, talking(hub.url, token=ana) as owner:
        await anonymous.ask(ask)
        await owner.ask(ask)
        await hub.call("PATCH", "/api/v1/channels/secret", token=ana, json={"visibility": "private"})
        async with streaming(hub.url, "/secret/json", token=ana):
            presence = await owner.receive(within=3)
        answer = await anonymous.ask({"type": "ping"})

    assert (presence["watching"], presence["users"]) == (1, ["ana"])
    assert answer == {"type": "pong"}


@pytest.fixture
async def rarely_polling(settings_postgres: Settings) -> AsyncIterator[tuple[ServedHub, ServedHub]]:
    """Two nodes that poll so rarely that only announcements take effect in time."""
    rarely = replace(settings_postgres, poll_interval=60.0)
    async with serving(rarely) as first, serving(rarely) as second:
        yield first, second


async def test_an_announced_change_takes_effect_on_every_node_without_the_poll(
    rarely_polling: tuple[ServedHub, ServedHub],
) -> None:
    first, second = rarely_polling
    await first.channel("secret", owner="ana")
    await first.channel("gone", owner="ana")
    ana = await first.token("ana")
    async with talking(first.url) as here, talking(second.url) as there:
        for talker in (here, there):
            await subscribed(talker)
            await subscribed(talker, "gone")
        await first.call("PATCH", "/api/v1/channels/secret", token=ana, json={"visibility": "private"})
        private = [await talker.receive(within=WITHIN) for talker in (here, there)]
        await first.call("DELETE", "/api/v1/channels/gone", token=ana)
        deleted = [await talker.receive(within=WITHIN) for talker in (here, there)]

    assert private == [REVOKED] * 2
    assert deleted == [{"type": "unsubscribed", "channel": "gone", "reason": "deleted"}] * 2


async def test_the_poll_makes_up_for_a_lost_announcement(settings_postgres: Settings, own_redis: Redis) -> None:
    """Redis is stopped, so the second node receives no announcement of the first."""
    settings = replace(settings_postgres, redis_url=own_redis.url)
    async with serving(settings) as first, serving(settings) as second:
        await first.channel("secret", owner="ana")
        ana, cyd = await first.token("ana"), await first.token("cyd")
        async with talking(second.url, token=cyd) as talker, streaming(second.url, "/secret/json") as lines:
            await subscribed(talker)
            await asyncio.to_thread(own_redis.stop)
            await first.call("PATCH", "/api/v1/channels/secret", token=ana, json={"visibility": "private"})
            ended = await asyncio.gather(talker.receive(within=WITHIN), lines.message(within=WITHIN))
            await revoke_token(first.services.db, cyd)

            assert await talker.closed(within=WITHIN) == 4401

    assert list(ended) == [REVOKED] * 2


async def test_a_watch_that_is_admitted_during_a_round_is_not_revoked(hub: ServedHub) -> None:
    await hub.private("secret")
    ana, ben = await hub.token("ana"), await hub.token("ben")
    # Ben's stream gives the channel a feed; ana has no watch yet, so no round that began before hers reads her role.
    async with streaming(hub.url, "/secret/json", token=ben), TaskScope() as rounds:
        for _ in range(3):
            rounds.spawn(_reconcile_forever(hub.services), "reconcile")
        for _ in range(20):
            async with talking(hub.url, token=ana) as talker:
                await talker.ask({"type": "subscribe", "channel": "secret"})
                stored = await hub.publish("secret", token=ana, body="x")
                received = await talker.receive(within=5)

                assert (received["type"], received.get("seq")) == ("update", stored["seq"])


async def _reconcile_forever(services: Services) -> None:
    reconciler = Reconciler(services.db, services.hub)
    while True:
        await reconciler.reconcile(services.connections.principals())
