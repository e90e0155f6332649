"""Presence over the API: every reader gets the number of watchers, members alone get their names."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from app.model.access import Role
from tests.support.hub import ServedHub
from tests.support.stream_watcher import SseWatcher
from tests.support.watcher import Watcher

PATH = "/api/v1/channels/ci/presence"


async def seen_by(hub: ServedHub, token: str | None) -> Any:
    answer = await hub.call("GET", PATH, token=token)
    assert answer.status == 200, answer
    return answer.json


async def test_a_channel_without_watchers_counts_none(hub: ServedHub) -> None:
    await hub.channel("ci")

    assert await seen_by(hub, None) == {"watching": 0, "users": []}


async def test_connections_are_counted_and_named_to_members_alone(hub: ServedHub) -> None:
    await hub.channel("ci", owner="ana", members={"ben": Role.READER})
    ana, ben, cyd = await hub.token("ana"), await hub.token("ben"), await hub.token("cyd")
    eve, bound = await hub.token("eve", admin=True), await hub.token("cyd", channel="lobby")
    async with AsyncExitStack() as stack:
        for kind, token in ((Watcher, ana), (Watcher, ana), (SseWatcher, cyd), (Watcher, None)):
            watcher = await stack.enter_async_context(kind(hub.url, channel="ci", token=token))
            await watcher.live()
        shown = {name: await seen_by(hub, token) for name, token in (("ben", ben), ("eve", eve), ("cyd", cyd))}
        anonymous = await seen_by(hub, None)
    elsewhere = await hub.call("GET", PATH, token=bound)

    assert shown["ben"] == shown["eve"] == {"watching": 4, "users": ["ana", "cyd"]}
    assert shown["cyd"] == anonymous == {"watching": 4, "users": []}
    assert elsewhere.status == 403


async def test_a_watcher_that_has_left_is_no_longer_counted(hub: ServedHub) -> None:
    await hub.channel("ci", owner="ana")
    token = await hub.token("ana")
    async with Watcher(hub.url, channel="ci", token=token) as watcher:
        await watcher.live()
        during = await seen_by(hub, token)
    async with asyncio.timeout(5):
        while (after := await seen_by(hub, token))["watching"]:
            pass

    assert (during, after) == ({"watching": 1, "users": ["ana"]}, {"watching": 0, "users": []})
