"""A client's frames without a message are counted; a second thousand within ten seconds of the first is a flood."""

from itertools import count

import pytest

from app.transport.flood import Flood


def test_idle_frames_are_a_flood_once_a_second_thousand_follows_at_once() -> None:
    flood = Flood()

    assert next(number for number in count() if flood.add_idle()) == 2000


@pytest.mark.parametrize(
    ("sizes", "ends_message", "is_idle"),
    [
        ([125], False, True),
        ([126], False, False),
        ([0], True, False),
        ([100, 25], False, True),  # One frame, found in two reads.
        ([100, 26], False, False),
    ],
)
def test_a_data_frame_counts_if_it_is_small_and_ends_no_message(
    sizes: list[int], ends_message: bool, is_idle: bool
) -> None:
    flood = Flood()

    def add_frame() -> bool:
        *parts, last = sizes
        for size in parts:
            assert not flood.add_data(size, ends_frame=False, ends_message=False)
        return flood.add_data(last, ends_frame=True, ends_message=ends_message)

    assert any(add_frame() for _ in range(2001)) == is_idle
