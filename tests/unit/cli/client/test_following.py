"""A follower's decisions: what it asks for, what it shows, and when it gives up."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.client.following import Follower, Lost, Stopped, WasReset, closed, refuse_handshake


def update(seq: int, epoch: str = "e1") -> dict[str, Any]:
    """An update of `ci`."""
    return {"type": "update", "channel": "ci", "epoch": epoch, "seq": seq}


def subscribed(seq: int, epoch: str = "e1", *, resumed: bool = True) -> dict[str, Any]:
    """The hub's confirmation: `seq` is the newest there is."""
    return {"type": "subscribed", "ref": 1, "channel": "ci", "epoch": epoch, "seq": seq, "resumed": resumed}


def asked(follower: Follower) -> tuple[object, object, object]:
    """What the next subscription asks for: after, epoch, last."""
    message = follower.subscription()
    return message.get("after"), message.get("epoch"), message.get("last")


def test_live_from_now_resumes_from_the_moment_it_was_confirmed() -> None:
    follower = Follower("ci")
    first = asked(follower)
    follower.take(subscribed(58))

    assert first == (None, None, None)
    assert asked(follower) == (58, "e1", None)


def test_a_position_without_an_epoch_takes_the_logs() -> None:
    follower = Follower("ci", after=41)
    first = asked(follower)
    follower.take(subscribed(58))

    assert first == (41, None, None)
    assert asked(follower) == (41, "e1", None)


def test_the_newest_few_count_from_where_they_were_promised() -> None:
    follower = Follower("ci", last=5)
    first = asked(follower)
    follower.take(subscribed(58))
    resumed = asked(follower)

    assert (first, resumed) == ((None, None, 5), (53, "e1", None))
    assert follower.take(update(54)) == update(54)
    assert asked(follower) == (54, "e1", None)


def test_the_newest_few_may_be_fewer() -> None:
    follower = Follower("ci", last=5)
    follower.take(subscribed(58))

    assert follower.take(update(57)) == update(57)  # Retention took the others.


def test_doubles_are_dropped_and_holes_are_asked_for_again_once() -> None:
    follower = Follower("ci", after=0)
    follower.take(subscribed(4))

    assert follower.take(update(1)) == update(1)
    assert follower.take(update(1)) is None
    with pytest.raises(Lost, match="#2 to #2"):
        follower.take(update(3))
    assert asked(follower) == (1, "e1", None)
    assert follower.take(update(3)) == update(3)


def test_a_reset_is_told_and_gone_on_from() -> None:
    follower = Follower("ci", after=90)
    follower.take(subscribed(7, "e2", resumed=False))
    reset = follower.take({"type": "reset", "channel": "ci", "reason": "epoch", "epoch": "e2", "first": 3, "last": 7})

    assert reset == WasReset("epoch", 3, 7)
    assert asked(follower) == (2, "e2", None)
    assert follower.take(update(3, "e2")) == update(3, "e2")


@given(st.lists(st.integers(1, 6), max_size=30))
def test_whatever_the_wire_repeats_every_update_comes_out_once_in_order(cuts: list[int]) -> None:
    """Each connection sends the log from wherever it likes at or before the position, and breaks after some updates."""
    follower, seen = Follower("ci", after=0), []
    for cut in cuts:
        start = max(1, int(str(follower.subscription()["after"])) + 1 - cut % 3)
        follower.take(subscribed(100))
        for seq in range(start, start + cut):
            if (shown := follower.take(update(seq))) is not None and not isinstance(shown, WasReset):
                seen.append(shown["seq"])

    assert seen == list(range(1, len(seen) + 1))


@pytest.mark.parametrize("code", ["unauthenticated", "forbidden", "not_found", "invalid_request"])
def test_a_refusal_that_stays_ends_it(code: str) -> None:
    with pytest.raises(Stopped, match="why"):
        Follower("ci").take({"type": "error", "ref": 1, "code": code, "message": "why", "field": None})


@pytest.mark.parametrize("code", ["rate_limited", "unavailable", "internal"])
def test_a_refusal_that_may_pass_is_tried_again(code: str) -> None:
    with pytest.raises(Lost, match="why"):
        Follower("ci").take({"type": "error", "ref": 1, "code": code, "message": "why", "field": None})


@pytest.mark.parametrize(("reason", "kind"), [("revoked", Stopped), ("deleted", Stopped), ("shutdown", Lost)])
def test_the_end_of_a_subscription(reason: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        Follower("ci").take({"type": "unsubscribed", "channel": "ci", "reason": reason})


@pytest.mark.parametrize(("code", "kind"), [(4401, Stopped), (1008, Stopped), (1001, Lost), (1013, Lost), (None, Lost)])
def test_the_end_of_a_connection(code: int | None, kind: type[Exception]) -> None:
    assert type(closed(code, "")) is kind


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Stopped), (403, Stopped), (404, Stopped), (429, Lost), (502, Lost), (503, Lost)]
)
def test_a_refused_handshake(status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="why"):
        refuse_handshake(status, "why", 1.0)


def test_what_is_unknown_is_passed_over() -> None:
    assert Follower("ci").take({"type": "welcome", "server": "x"}) is None
    assert Follower("ci").take({"type": "new in version 2"}) is None
