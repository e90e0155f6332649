"""Rate limits: 429 with the time to wait, counted by token, and by address for anonymous callers alone."""

from dataclasses import replace

import pytest

from app.config import Settings
from tests.support.hub import Answered, ServedHub, serving

PATH = "/api/v1/channels/lobby"
FIELDS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@pytest.fixture
def small(settings_sqlite: Settings) -> Settings:
    """Three calls at once, and the next in ten seconds."""
    return replace(settings_sqlite, publish_rate=0.1, publish_burst=3, anonymous_rate=0.1, anonymous_burst=3)


def numbers(answer: Answered) -> tuple[int, ...]:
    return tuple(int(answer.headers[field]) for field in FIELDS)


async def test_a_counted_call_returns_its_limit_and_a_refused_one_the_time_to_wait(small: Settings) -> None:
    async with serving(small) as hub:
        answers = [await hub.call("GET", PATH) for _ in range(4)]

    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert [numbers(answer)[:2] for answer in answers] == [(3, 2), (3, 1), (3, 0), (3, 0)]
    assert all(0 < numbers(answer)[2] <= 30 for answer in answers)
    assert answers[3].code == "rate_limited"
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 10


async def test_a_refused_call_stores_nothing(small: Settings) -> None:
    async with serving(small) as hub:
        published = [await hub.call("POST", f"{PATH}/updates", json={"body": "x"}) for _ in range(4)]
        seen = await hub.call("GET", PATH, token=await hub.token("ana"))

    assert [answer.status for answer in published] == [201, 201, 201, 429]
    assert seen.json["last_seq"] == 3


async def test_each_token_and_the_address_are_counted_on_their_own(small: Settings) -> None:
    async with serving(small) as hub:
        first, second = await hub.token("ana"), await hub.token("ana")
        for token in (first, None):
            for _ in range(3):
                await hub.call("GET", PATH, token=token)
        statuses = [(await hub.call("GET", PATH, token=token)).status for token in (first, second, None)]

    assert statuses == [429, 200, 429]


async def test_unknown_tokens_count_against_the_address(small: Settings) -> None:
    async with serving(small) as hub:
        statuses = [(await hub.call("GET", PATH, token=f"tw_{n}")).status for n in range(4)]
        known = await hub.call("GET", PATH, token=await hub.token("ana"))

    assert (statuses, known.status) == ([401, 401, 401, 429], 200)


async def test_every_entry_point_is_counted(small: Settings) -> None:
    calls = [("POST", "/lobby"), ("GET", "/lobby/sse"), ("GET", "/lobby"), ("GET", "/api/v1/channels"), ("GET", "/")]
    async with serving(small) as hub:
        for _ in range(3):
            await hub.call("GET", PATH)
        answers = [await hub.call(method, path) for method, path in calls]

    assert {(answer.status, answer.code) for answer in answers} == {(429, "rate_limited")}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers)


async def test_health_is_not_counted(small: Settings) -> None:
    async with serving(small) as hub:
        answers = [await hub.call("GET", path) for path in ("/healthz", "/readyz", "/metrics") * 4]

    assert {answer.status for answer in answers} == {200}
    assert not any(field in answer.headers for answer in answers for field in FIELDS)


async def until_refused(hub: ServedHub, forwarded: str) -> list[int]:
    headers = {"X-Forwarded-For": forwarded}
    return [(await hub.call("GET", PATH, headers=headers)).status for _ in range(4)]


async def test_without_a_proxy_a_forwarded_address_is_ignored(small: Settings) -> None:
    async with serving(small) as hub:
        forged = [await until_refused(hub, "203.0.113.1"), await until_refused(hub, "203.0.113.2")]

    assert forged == [[200, 200, 200, 429], [429] * 4]


async def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_added(small: Settings) -> None:
    async with serving(replace(small, trusted_proxies=1)) as hub:
        first, second = await until_refused(hub, "203.0.113.1"), await until_refused(hub, "203.0.113.2")
        forged = await until_refused(hub, "198.51.100.7, 203.0.113.1")

    assert first == second == [200, 200, 200, 429]
    assert forged == [429] * 4


async def test_limits_can_be_off_for_load_tests(small: Settings) -> None:
    async with serving(replace(small, rate_limits=False)) as hub:
        answers = [await hub.call("GET", PATH) for _ in range(5)]

    assert {answer.status for answer in answers} == {200}
    assert not any(field in answer.headers for answer in answers for field in FIELDS)
