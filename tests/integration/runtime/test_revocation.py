"""What a right takes with it when it goes: within two seconds, be it announced or only found by the poll."""

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


type Kill = Callable[[ServedHub, str], Awaitable[None]]


@pytest.mark.parametrize("kill", [revoked, disabled])
async def test_a_dead_token_ends_all_that_stands_on_it(hub: ServedHub, kill: Kill) -> None:
    """The idle connection, the one that came by a ticket, and both forms of the stream; nobody else's."""
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
        await kill(hub, token)
        codes = [await talker.closed(within=WITHIN) for talker in (watching, idle, by_ticket)]
        told = await events.event(), await lines.message()
        rest = await events.rest(), await lines.rest()
        took = time.monotonic() - began
        again = await hub.call("GET", "/secret/json", token=token)
        await hub.publish("secret", token=other, body="still")

        assert (await ana.hear())["seq"] == 1

    assert codes == [4401, 4401, 4401]
    assert told == (("unsubscribed", None, REVOKED), REVOKED)
    assert rest == (b"", b"")
    assert took < WITHIN
    assert (again.status, again.code) == (401, "unauthenticated")


async def test_who_was_let_go_can_not_come_straight_back(settings_sqlite: Settings) -> None:
    """Although a moment ago the token was recognised, and that is remembered."""
    async with serving(replace(settings_sqlite, poll_interval=0.05)) as hub:
        token = await hub.token("ben")
        async with talking(hub.url, token=token) as talker:
            await revoke_token(hub.services.db, token)
            code = await talker.closed(within=WITHIN)
        again = await hub.call("GET", "/api/v1/channels/lobby", token=token)

    assert (code, again.status) == (4401, 401)


async def test_a_token_that_expires_ends_what_stands_on_it(hub: ServedHub) -> None:
    await hub.private("secret")
    expires_at = datetime.now(UTC) + timedelta(seconds=1)
    token = await hub.token("ben", expires_at=expires_at)
    async with (
        talking(hub.url, token=token) as talker,
        streaming(hub.url, "/secret/json", token=token) as lines,
    ):
        await subscribed(talker)
        code, told = await asyncio.gather(talker.closed(within=1 + WITHIN), lines.message(within=1 + WITHIN))
        late = (datetime.now(UTC) - expires_at).total_seconds()

    assert (code, told) == (4401, REVOKED)
    assert 0 <= late < WITHIN


async def test_a_member_who_is_removed_loses_that_channel_alone(hub: ServedHub) -> None:
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
        told = await asyncio.gather(leaving.hear(within=WITHIN), events.event(within=WITHIN))
        rest = await events.rest()
        await hub.publish("secret", token=ana, body="not for ben")
        await hub.publish("lobby", body="for all")
        heard = await leaving.hear(), await staying.hear()
        back = await leaving.ask({"type": "subscribe", "channel": "secret"})

    assert tuple(told) == (REVOKED, ("unsubscribed", None, REVOKED))
    assert rest == b""
    assert [(message["channel"], message["seq"]) for message in heard] == [("lobby", 1), ("secret", 1)]
    assert (back["type"], back["code"]) == ("error", "not_found")


async def test_a_channel_made_private_lets_go_who_is_no_member(hub: ServedHub) -> None:
    await hub.channel("secret", owner="ana", publishing="members")
    ana = await hub.token("ana")
    async with (
        talking(hub.url) as nobody,
        talking(hub.url, token=await hub.token("cyd")) as cyd,
        talking(hub.url, token=ana) as owner,
        streaming(hub.url, "/secret/json") as lines,
    ):
        for talker in (nobody, cyd, owner):
            await subscribed(talker)
        await hub.call("PATCH", "/api/v1/channels/secret", token=ana, json={"visibility": "private"})
        told = await asyncio.gather(*[each.hear(within=WITHIN) for each in (nobody, cyd)], lines.message(within=WITHIN))
        stored = await hub.publish("secret", token=ana, body="for members")
        heard = await owner.hear(), await nobody.ask({"type": "ping"}), await cyd.ask({"type": "ping"})

    assert told == [REVOKED] * 3
    assert heard == ({"type": "update", **stored}, {"type": "pong"}, {"type": "pong"})


async def test_presence_is_told_no_more_to_who_may_not_know_of_the_channel(hub: ServedHub) -> None:
    await hub.channel("secret", owner="ana")
    ana = await hub.token("ana")
    ask = {"type": "presence", "channel": "secret"}
    async with talking(hub.url) as nobody, talking(hub.url, token=ana) as owner:
        await nobody.ask(ask)
        await owner.ask(ask)
        await hub.call("PATCH", "/api/v1/channels/secret", token=ana, json={"visibility": "private"})
        async with streaming(hub.url, "/secret/json", token=ana):
            told = await owner.hear(within=3)
        heard = await nobody.ask({"type": "ping"})

    assert (told["watching"], told["users"]) == (1, ["ana"])
    assert heard == {"type": "pong"}


@pytest.fixture
async def deaf(settings_postgres: Settings) -> AsyncIterator[tuple[ServedHub, ServedHub]]:
    """Two nodes that poll so seldom that only what is announced is noticed."""
    rarely = replace(settings_postgres, poll_interval=60.0)
    async with serving(rarely) as first, serving(rarely) as second:
        yield first, second


async def test_what_is_announced_is_noticed_on_every_node_without_the_poll(deaf: tuple[ServedHub, ServedHub]) -> None:
    first, second = deaf
    await first.channel("secret", owner="ana")
    await first.channel("gone", owner="ana")
    ana = await first.token("ana")
    async with talking(first.url) as here, talking(second.url) as there:
        for talker in (here, there):
            await subscribed(talker)
            await subscribed(talker, "gone")
        await first.call("PATCH", "/api/v1/channels/secret", token=ana, json={"visibility": "private"})
        private = [await talker.hear(within=WITHIN) for talker in (here, there)]
        await first.call("DELETE", "/api/v1/channels/gone", token=ana)
        deleted = [await talker.hear(within=WITHIN) for talker in (here, there)]

    assert private == [REVOKED] * 2
    assert deleted == [{"type": "unsubscribed", "channel": "gone", "reason": "deleted"}] * 2


async def test_an_announcement_that_is_lost_is_made_up_for_by_the_poll(
    settings_postgres: Settings, own_redis: Redis
) -> None:
    """Redis is stopped, so the second node hears nothing of what was done on the first."""
    settings = replace(settings_postgres, redis_url=own_redis.url)
    async with serving(settings) as first, serving(settings) as second:
        await first.channel("secret", owner="ana")
        ana, cyd = await first.token("ana"), await first.token("cyd")
        async with talking(second.url, token=cyd) as talker, streaming(second.url, "/secret/json") as lines:
            await subscribed(talker)
            await asyncio.to_thread(own_redis.stop)
            await first.call("PATCH", "/api/v1/channels/secret", token=ana, json={"visibility": "private"})
            told = await asyncio.gather(talker.hear(within=WITHIN), lines.message(within=WITHIN))
            await revoke_token(first.services.db, cyd)

            assert await talker.closed(within=WITHIN) == 4401

    assert list(told) == [REVOKED] * 2


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
                heard = await talker.hear(within=5)

                assert (heard["type"], heard.get("seq")) == ("update", stored["seq"])


async def _reconcile_forever(services: Services) -> None:
    reconciler = Reconciler(services.db, services.hub)
    while True:
        await reconciler.reconcile(services.connections.principals())
