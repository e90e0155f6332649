"""The buckets: a burst at once, the rate after that, and a bound on the number of keys."""

from hypothesis import given
from hypothesis import strategies as st

from app.model.rate import Rate
from app.runtime.limits import Buckets


def test_a_burst_passes_and_the_next_waits() -> None:
    buckets, rate = Buckets(), Rate(per_second=2, burst=3)
    answers = [buckets.take("a", rate, 100.0) for _ in range(4)]

    assert [answer.allowed for answer in answers] == [True, True, True, False]
    assert [answer.remaining for answer in answers] == [2, 1, 0, 0]
    assert answers[3].retry_after == 0.5


def test_a_take_after_retry_after_is_allowed() -> None:
    buckets, rate = Buckets(), Rate(per_second=2, burst=1)
    buckets.take("a", rate, 100.0)
    refused = buckets.take("a", rate, 100.1)

    assert buckets.take("a", rate, 100.1 + refused.retry_after).allowed


def test_each_key_has_its_own_bucket() -> None:
    buckets, rate = Buckets(), Rate(per_second=1, burst=1)
    buckets.take("a", rate, 100.0)

    assert buckets.take("b", rate, 100.0).allowed


@given(st.lists(st.floats(0, 2), max_size=60))
def test_no_period_allows_more_than_burst_and_rate(pauses: list[float]) -> None:
    buckets, rate, now, allowed = Buckets(), Rate(per_second=3, burst=5), 0.0, 0
    for pause in pauses:
        now += pause
        allowed += buckets.take("a", rate, now).allowed

    assert allowed <= 5 + 3 * now + 1e-6


def test_memory_is_bounded() -> None:
    buckets, rate = Buckets(most=10), Rate(per_second=1, burst=1)
    for number in range(1000):
        buckets.take(str(number), rate, 0.0)

    assert len(buckets) <= 10
