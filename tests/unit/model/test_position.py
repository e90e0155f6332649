"""The start point of a watcher: the position it asks for, or a reset with its reason; no kept update is skipped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model.position import After, Extent, Last, Now, Start, StartPoint, parse_event_id, start_point

LOG = Extent("e1", first=11, last=20)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (Now(), StartPoint(20)),
        (Last(5), StartPoint(15)),
        (Last(0), StartPoint(20)),
        (Last(100), StartPoint(10)),
        (After(15), StartPoint(15)),
        (After(15, "e1"), StartPoint(15)),
        (After(20), StartPoint(20)),
        (After(10), StartPoint(10)),
        (After(9), StartPoint(10, "expired")),
        (After(0), StartPoint(10, "expired")),
        (After(21), StartPoint(10, "ahead")),
        (After(15, "e0"), StartPoint(10, "epoch")),
        (After(99, "e0"), StartPoint(10, "epoch")),
    ],
)
def test_every_start_has_one_start_point(start: Start, expected: StartPoint) -> None:
    assert start_point(start, LOG) == expected


def test_an_empty_log_is_served_from_its_beginning() -> None:
    assert start_point(After(0), Extent("e1", 1, 0)) == StartPoint(0)


@given(st.integers(1, 50), st.integers(0, 50), st.integers(0, 120), st.sampled_from([None, "e1", "e2"]))
def test_no_kept_update_is_skipped_without_a_reset(first: int, size: int, asked: int, epoch: str | None) -> None:
    extent = Extent("e1", first, first + size - 1)

    found = start_point(After(asked, epoch), extent)

    assert found.seq == asked if found.reset is None else found.seq == extent.first - 1


@pytest.mark.parametrize(
    "text", ["", "58", ".58", "k3v9.", "k3v9.-1", "k3v9.1e3", "k3v9.٣", "x" * 40 + ".1", "k." + "9" * 30]
)
def test_what_is_no_event_id_is_a_position_in_no_log(text: str) -> None:
    assert start_point(parse_event_id(text), LOG) == StartPoint(LOG.first - 1, "epoch")


def test_an_event_id_is_a_position() -> None:
    assert parse_event_id("k3v9.58") == After(58, "k3v9")
