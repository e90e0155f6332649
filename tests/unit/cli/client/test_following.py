"""A follower's decisions: what it requests, what it shows, and when it stops."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.client.following import Follower, Lost, Stopped, WasReset, closed


def update(seq: int, epoch: str = "e1") -> dict[str, Any]:
    """An update of `ci`."""
    return {"type": "update", "channel": "ci", "epoch": epoch, "seq": seq}


def subscribed(seq: int, epoch: str = "e1", *, resumed: bool = True) -> dict[str, Any]:
    """The hub's confirmation; `seq` is the log's last."""
    return {"type": "subscribed", "ref": 1, "channel": "ci", "epoch": epoch, "seq": seq, "resumed": resumed}


def requested(follower: Follower) -> tuple[object, object, object]:
    """The start of the next subscription: after, epoch, last."""
    message = follower.subscription()
    return message.get("after"), message.get("epoch"), message.get("last")


def test_live_from_now_resumes_from_the_confirmed_position() -> None:
    follower = Follower("ci")
    first = requested(follower)
    follower.receive(subscribed(58))

    assert first == (None, None, None)
    assert requested(follower) == (58, "e1", None)


def test_a_position_without_an_epoch_adopts_the_logs_epoch() -> None:
    follower = Follower("ci", after=41)
    first = requested(follower)
    follower.receive(subscribed(58))

    assert first == (41, None, None)
    assert requested(follower) == (41, "e1", None)


def test_last_n_resumes_before_the_first_of_them() -> None:
    follower = Follower("ci", last=5)
    first = requested(follower)
    follower.receive(subscribed(58))
    resumed = requested(follower)

    assert (first, resumed) == ((None, None, 5), (53, "e1", None))
    assert follower.receive(update(54)) == update(54)
    assert requested(follower) == (54, "e1", None)


def test_last_n_may_return_fewer_than_n() -> None:
    follower = Follower("ci", last=5)
    follower.receive(subscribed(58))

    assert follower.receive(update(57)) == update(57)  # Retention removed the others.


def test_duplicates_are_dropped_and_a_gap_is_requested_again_once() -> None:
    follower = Follower("ci", after=0)
    follower.receive(subscribed(4))

    assert follower.receive(update(1)) == update(1)
    assert follower.receive(update(1)) is None
    with pytest.raises(Lost, match="#2 to #2"):
        follower.receive(update(3))
    assert requested(follower) == (1, "e1", None)
    assert follower.receive(update(3)) == update(3)


def test_a_reset_is_returned_and_moves_the_position() -> None:
    follower = Follower("ci", after=90)
    follower.receive(subscribed(7, "e2", resumed=False))
    reset = follower.receive(
        {"type": "reset", "channel": "ci", "reason": "epoch", "epoch": "e2", "first": 3, "last": 7}
    )

    assert reset == WasReset("epoch", 3, 7)
    assert requested(follower) == (2, "e2", None)
    assert follower.receive(update(3, "e2")) == update(3, "e2")


@given(st.lists(st.integers(1, 6), max_size=30))
def test_every_update_is_returned_once_in_order_despite_repeats(cuts: list[int]) -> None:
    """Each connection sends the log from some point at or before the position, and breaks after some updates."""
    follower, seen = Follower("ci", after=0), []
    for cut in cuts:
        start = max(1, int(str(follower.subscription()["after"])) + 1 - cut % 3)
        follower.receive(subscribed(100))
        for seq in range(start, start + cut):
            if (shown := follower.receive(update(seq))) is not None and not isinstance(shown, WasReset):
                seen.append(shown["seq"])

    assert seen == list(range(1, len(seen) + 1))


@pytest.mark.parametrize("code", ["unauthenticated", "forbidden", "not_found", "invalid_request"])
def test_a_permanent_refusal_stops_the_follower(code: str) -> None:
    with pytest.raises(Stopped, match="why"):
        Follower("ci").receive({"type": "error", "ref": 1, "code": code, "message": "why", "field": None})


@pytest.mark.parametrize("code", ["rate_limited", "unavailable", "internal"])
def test_a_temporary_refusal_is_retried(code: str) -> None:
    with pytest.raises(Lost, match="why"):
        Follower("ci").receive({"type": "error", "ref": 1, "code": code, "message": "why", "field": None})


@pytest.mark.parametrize(("reason", "kind"), [("revoked", Stopped), ("deleted", Stopped), ("shutdown", Lost)])
def test_the_reason_of_an_unsubscribed_stops_the_follower_or_is_retried(reason: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        Follower("ci").receive({"type": "unsubscribed", "channel": "ci", "reason": reason})


@pytest.mark.parametrize(("code", "kind"), [(4401, Stopped), (1008, Stopped), (1001, Lost), (1013, Lost), (None, Lost)])
def test_the_close_code_stops_the_follower_or_is_retried(code: int | None, kind: type[Exception]) -> None:
    assert type(closed(code, "")) is kind


def test_an_unknown_message_is_ignored() -> None:
    assert Follower("ci").receive({"type": "welcome", "server": "x"}) is None
    assert Follower("ci").receive({"type": "new in version 2"}) is None
